// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/agent/control.h"
#include "control/api/names.h"
#include "control/endpoint/namespace.h"
#include "policy/parse/names.h"

namespace bulkhead::control::agent {
namespace {

constexpr std::uint32_t kLeastMtu = 1280;  // what IPv6 asks of a link
constexpr std::uint32_t kEthernetBytes = 14;
constexpr std::uint32_t kMostMtu = endpoint::kMaxFrameBytes - kEthernetBytes;

api::ApiError bad_request(std::string where, std::string message) {
  return {400, "bad_request", std::move(message), std::move(where)};
}

api::ApiError unavailable(std::string message) {
  return {503, "dataplane_unavailable", std::move(message), ""};
}

api::ApiError failed(const Error& error) { return {500, "internal", error.message, error.where}; }

// The address part of "10.88.0.5/24".
Result<IpAddress> address_of(const std::string& text) {
  return IpAddress::parse(std::string_view(text).substr(0, text.find('/')));
}

std::optional<api::ApiError> name_objection(const api::AttachmentRequest& request) {
  if (!api::is_container_id(request.container_id)) {
    return bad_request("container_id", "is no container id that CNI allows");
  }
  if (!api::is_interface_name(request.ifname)) return bad_request("ifname", "is no device name");
  if (!api::is_namespace_name(request.pod_namespace)) {
    return bad_request("pod_namespace", "must be a lower-case name such as web-1");
  }
  if (!api::is_pod_name(request.pod_name)) {
    return bad_request("pod_name", "must be a lower-case name such as web-1");
  }
  for (const auto& [key, value] : request.labels) {
    if (parse::is_reserved_key(key)) {
      return bad_request("labels." + key, "is below bulkhead.io/, which only Bulkhead sets");
    }
    auto problem = parse::label_key_problem(key);
    if (!problem) problem = parse::label_value_problem(value);
    if (problem) return bad_request("labels." + key, *problem);
  }
  if (request.mtu && (*request.mtu < kLeastMtu || *request.mtu > kMostMtu)) {
    return bad_request("mtu", fmt::format("must be from {} to {}", kLeastMtu, kMostMtu));
  }
  return std::nullopt;
}

}  // namespace

std::optional<api::ApiError> Control::objection(const api::AttachmentRequest& request) const {
  if (auto error = name_objection(request)) return error;
  if (request.ips.empty()) return bad_request("ips", "IPAM gave no address");
  if (request.ips.size() > dataplane::api::kMaxAddressesPerPort) {
    return bad_request("ips",
                       fmt::format("at most {} addresses", dataplane::api::kMaxAddressesPerPort));
  }
  const auto& blocks = around_.config.pod_cidrs;
  for (const auto& ip : request.ips) {
    const auto address = address_of(ip.address);
    if (!address) return bad_request("ips", address.error().text());
    const bool is_inside = std::any_of(blocks.begin(), blocks.end(), [&](const Prefix& block) {
      return block.contains(*address);
    });
    if (!is_inside) {
      return api::ApiError{400, "outside_pod_cidrs",
                           fmt::format("{} is in no block of cluster.pod_cidrs; add one to "
                                       "config.yaml or mend the IPAM range",
                                       address->text()),
                           "ips"};
    }
    if (const auto owner = devices_.owner_of(*address)) {
      return api::ApiError{409, "address_in_use",
                           fmt::format("{} is {}'s by config.yaml (ports); leave it out of the "
                                       "IPAM range",
                                       address->text(), owner->text()),
                           "ips"};
    }
  }
  const auto& in_force = publisher_.in_force().desired;
  if (in_force && !request.pod_uid.empty()) {
    const auto known = in_force->cluster.pods.find({request.pod_namespace, request.pod_name});
    const bool is_another = known != in_force->cluster.pods.end() && !known->second->uid.empty() &&
                            known->second->uid != request.pod_uid;
    const bool is_attached =
        std::any_of(endpoints_.begin(), endpoints_.end(), [&](const auto& item) {
          const auto& attachment = item.second.record().attachment;
          return attachment.pod_name == request.pod_name &&
                 attachment.pod_namespace == request.pod_namespace;
        });
    if (is_another && !is_attached) {
      return api::ApiError{409, "uid_mismatch",
                           fmt::format("the inventory knows {}/{} with UID {}",
                                       request.pod_namespace, request.pod_name, known->second->uid),
                           "pod_uid"};
    }
  }
  return std::nullopt;
}

api::Reply<Reserved> Control::reserve(const api::AttachmentRequest& request) {
  if (auto error = objection(request)) return tl::unexpected(*error);
  if (!client_) {
    return tl::unexpected(unavailable("no data plane is connected: " + connect_error_));
  }
  if (hello_.workers == 0) return tl::unexpected(unavailable("the data plane has no workers"));
  const auto inode = endpoint::netns_inode(request.netns);
  if (inode == 0) return tl::unexpected(bad_request("netns", "names no network namespace"));
  if (inode == endpoint::current_netns_inode()) {
    return tl::unexpected(bad_request("netns", "is the node's own network namespace"));
  }

  Reserved reserved;
  reserved.queues = hello_.queues_per_tap;
  const endpoint::EndpointKey key{request.container_id, request.ifname};
  if (const auto known = endpoints_.find(key); known != endpoints_.end()) {
    const bool is_same = known->second.record().netns_inode == inode &&
                         known->second.state == Endpoint::State::Ready;
    if (is_same) {
      reserved.record = known->second.record();
      reserved.existing = reply_for(known->second.record());
      return reserved;
    }
    remove_endpoint(key);
  }
  // An address that another port owns: that one was never told of its DEL.
  for (const auto& ip : request.ips) {
    const auto* const owner = registry_.find(*address_of(ip.address));
    if (owner == nullptr || !endpoints_.contains(owner->key())) continue;
    around_.log.warning("its address was given to another pod; detached",
                        {{"pod", pod_of(*owner).text()}, {"address", ip.address}});
    lose_endpoint(owner->key());
  }
  // What it has leased now is no longer to be given back for it.
  if (const Status kept = lost_.remove(key); !kept) return tl::unexpected(failed(kept.error()));
  if (is_dirty_) reconcile(Clock::now());
  if (!client_) return tl::unexpected(unavailable(connect_error_));

  auto record = registry_.reserve(request);
  if (!record) {
    return tl::unexpected(
        api::ApiError{409, "conflict", record.error().message, record.error().where});
  }
  record->mtu = request.mtu.value_or(mtu_);
  record->netns_inode = inode;
  reserved.record = std::move(*record);
  return reserved;
}

api::Reply<api::AttachmentReply> Control::commit(const endpoint::EndpointRecord& record,
                                                 endpoint::WiredLink& wired) {
  if (!client_) return tl::unexpected(unavailable(connect_error_));
  const auto key = record.key();
  Endpoint& endpoint = endpoints_.try_emplace(key, record).first->second;
  auto placed = record;
  placed.netns_inode = wired.netns_inode;
  endpoint.set(std::move(placed));
  endpoint.queues = std::move(wired.queues);
  reconcile(Clock::now());

  auto why = missing(endpoint.record(), outcomes_);
  const bool is_lost = !client_;
  if (!why && !is_lost) {
    if (const Status stored = registry_.store(endpoint.record()); stored) {
      endpoint.state = Endpoint::State::Ready;
      return reply_for(endpoint.record());
    } else {
      why = stored.error().text();
    }
  }
  // Undo; the queues go back to the caller, who may try again after a reconnect.
  wired.queues = std::move(endpoint.queues);
  endpoints_.erase(key);
  reconcile(Clock::now());
  if (is_lost) return tl::unexpected(unavailable("the data plane went away: " + connect_error_));
  return tl::unexpected(api::ApiError{503, "not_in_force", *why, ""});
}

// Law 9: nothing short of every address acknowledged with its identity counts.
std::optional<std::string> Control::missing(const endpoint::EndpointRecord& record,
                                            const apply::Outcomes& outcomes) const {
  const auto& acknowledged = publisher_.acknowledged();
  const auto refusal = [&]() -> std::string {
    if (outcomes.refusal) return outcomes.refusal->cause + ": " + outcomes.refusal->error.text();
    if (blocked_) return *blocked_;
    return "the inventory says that the pod has finished";
  };
  const auto port = acknowledged.ports.find(record.port);
  if (port == acknowledged.ports.end() || port->second != record.generation) {
    const auto refused = outcomes.refused_ports.find(record.port);
    return refused == outcomes.refused_ports.end() ? refusal() : refused->second.text();
  }
  for (const auto& ip : record.ips()) {
    const auto& held = acknowledged.addresses.entries();
    const auto entry = held.find(ip);
    const bool is_there = entry != held.end() && entry->second.port == record.port;
    if (!is_there) return fmt::format("{} has no identity in force: {}", ip.text(), refusal());
  }
  return std::nullopt;
}

void Control::abandon(const endpoint::EndpointKey& key, std::uint32_t generation) {
  const auto known = endpoints_.find(key);
  if (known != endpoints_.end() && known->second.record().generation == generation) {
    // The caller gave up waiting, and then commit() went through.
    remove_endpoint(key);
    reconcile(Clock::now());
  }
  registry_.abandon(key);
}

std::optional<endpoint::EndpointRecord> Control::begin_detach(const endpoint::EndpointKey& key) {
  const auto known = endpoints_.find(key);
  if (known == endpoints_.end()) return std::nullopt;
  known->second.is_leaving = true;
  return known->second.record();
}

api::AttachmentReply Control::reply_for(const endpoint::EndpointRecord& record) const {
  api::AttachmentReply reply;
  reply.ifname = record.attachment.ifname;
  reply.mac = endpoint::text_of(record.mac);
  reply.mtu = record.mtu;
  reply.ips = record.attachment.ips;
  for (const auto& ip : record.ips()) {
    auto& gateway = ip.family == Family::V4 ? reply.gateway_v4 : reply.gateway_v6;
    gateway = (ip.family == Family::V4 ? endpoint::kGatewayV4 : endpoint::kGatewayV6).text();
  }
  const std::string pod = pod_of(record).text();
  for (const auto& warning : warnings_) {
    if (warning.starts_with(pod + ":")) reply.warnings.push_back(warning);
  }
  return reply;
}

api::Reply<api::AttachmentReply> Control::attachment(const endpoint::EndpointKey& key) const {
  const auto known = endpoints_.find(key);
  if (known == endpoints_.end()) {
    return tl::unexpected(api::ApiError{404, "not_found", "nothing is attached by that name", ""});
  }
  const Endpoint& endpoint = known->second;
  switch (endpoint.state) {
    case Endpoint::State::Ready:
      return reply_for(endpoint.record());
    case Endpoint::State::Closed:
      return tl::unexpected(api::ApiError{409, "closed", endpoint.why_closed, ""});
    case Endpoint::State::Wiring:
      return tl::unexpected(unavailable("the data plane has not acknowledged it yet"));
  }
  return tl::unexpected(unavailable("unknown state"));
}

api::Reply<api::DetachmentReply> Control::detach(const endpoint::EndpointKey& key) {
  if (const Status kept = lost_.remove(key); !kept) return tl::unexpected(failed(kept.error()));
  if (!endpoints_.contains(key)) return api::DetachmentReply{false};
  endpoints_.erase(key);
  const Status removed = registry_.remove(key);
  reconcile(Clock::now());
  // The port is closed either way; a record that stays would come back with a restart.
  if (!removed) return tl::unexpected(failed(removed.error()));
  return api::DetachmentReply{true};
}

api::Reply<void> Control::quarantine(const model::PodKey& pod,
                                     const api::QuarantineRequest& request,
                                     const std::string& who) {
  const auto& desired = publisher_.in_force().desired;
  const auto known =
      desired ? desired->cluster.pods.find(pod) : decltype(desired->cluster.pods.end()){};
  const bool is_attached = std::any_of(endpoints_.begin(), endpoints_.end(), [&](const auto& item) {
    return pod_of(item.second.record()) == pod;
  });
  const bool is_known = desired && known != desired->cluster.pods.end();
  if (!is_known && !is_attached) {
    return tl::unexpected(api::ApiError{404, "not_found", "no pod of that name is known", ""});
  }
  state::QuarantineRecord record;
  record.pod = pod;
  if (is_known) record.uid = known->second->uid;
  record.quarantine.who = who;
  record.quarantine.why = request.why;
  record.quarantine.until = request.until;
  if (!request.until.empty()) {
    const auto until = state::parse_time(request.until);
    if (!until) return tl::unexpected(bad_request("until", until.error().text()));
    if (*until <= std::chrono::system_clock::now()) {
      return tl::unexpected(bad_request("until", "is in the past"));
    }
    record.until = *until;
  }
  if (!request.forensic_peer.empty()) {
    const auto& text = request.forensic_peer;
    if (text.find('/') == std::string::npos) {
      const auto address = IpAddress::parse(text);
      if (!address) return tl::unexpected(bad_request("forensic_peer", address.error().text()));
      record.quarantine.forensic_peer = Prefix::host(*address);
    } else {
      const auto prefix = Prefix::parse(text);
      if (!prefix) return tl::unexpected(bad_request("forensic_peer", prefix.error().text()));
      record.quarantine.forensic_peer = prefix->prefix;
    }
  }
  if (const Status put = quarantines_.put(record); !put) return tl::unexpected(failed(put.error()));
  around_.log.warning("quarantined", {{"pod", pod.text()}, {"who", who}, {"why", request.why}});
  reconcile(Clock::now());
  if (outcomes_.refusal || !client_) {
    return tl::unexpected(unavailable("the quarantine is stored, and not in force yet"));
  }
  return {};
}

api::Reply<void> Control::release(const model::PodKey& pod) {
  const auto removed = quarantines_.remove(pod);
  if (!removed) return tl::unexpected(failed(removed.error()));
  if (!*removed) {
    return tl::unexpected(api::ApiError{404, "not_found", "that pod is not in quarantine", ""});
  }
  around_.log.warning("released from quarantine", {{"pod", pod.text()}});
  reconcile(Clock::now());
  return {};
}

}  // namespace bulkhead::control::agent
