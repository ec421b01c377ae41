// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "cni/agent_error.h"
#include "cni/ipam.h"
#include "cni/verbs.h"
#include "control/api/client.h"

namespace bulkhead::cni {
namespace {

using Checked = tl::expected<void, CniError>;

// The address without its length: the pod carries /32 and /128, whatever IPAM's subnet is.
std::string host_part(const std::string& address) { return address.substr(0, address.find('/')); }

Checked compare(const Request& request, const control::api::AttachmentReply& attached) {
  const PreviousResult& previous = *request.configuration.previous;
  const auto interface = std::ranges::find_if(previous.interfaces, [&](const auto& candidate) {
    return candidate.name == request.ifname && !candidate.sandbox.empty();
  });
  if (interface == previous.interfaces.end()) {
    return refuse(Code::CheckFailed, "prevResult names no interface {} in a sandbox",
                  request.ifname);
  }
  if (!interface->mac.empty() && interface->mac != attached.mac) {
    return refuse(Code::CheckFailed, "{} has MAC {}, prevResult says {}", request.ifname,
                  attached.mac, interface->mac);
  }
  std::set<std::string> expected;
  for (const auto& address : previous.addresses) expected.insert(host_part(address));
  std::set<std::string> present;
  for (const auto& address : attached.ips) present.insert(host_part(address.address));
  if (expected == present) return {};
  return refuse(Code::CheckFailed, "{} has addresses {}, prevResult says {}", request.ifname,
                fmt::join(present, " "), fmt::join(expected, " "));
}

}  // namespace

Outcome<std::string> check(const Request& request, const Deadlines& deadlines) {
  if (request.configuration.version == "0.3.1") {
    return refuse(Code::IncompatibleVersion, "CHECK is part of CNI 0.4.0 and later");
  }
  if (!request.configuration.previous) {
    return refuse(Code::InvalidConfiguration, "'prevResult' is missing: CHECK compares with it");
  }
  if (auto checked = check_lease(request); !checked) return tl::unexpected(checked.error());
  const control::api::Client client(request.socket, deadlines.other);
  const auto attached = client.attachment(request.container_id, request.ifname);
  if (!attached) return tl::unexpected(cni_error(attached.error()));
  if (auto compared = compare(request, *attached); !compared) {
    return tl::unexpected(compared.error());
  }
  return std::string();
}

}  // namespace bulkhead::cni
