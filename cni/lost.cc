// SPDX-License-Identifier: Apache-2.0
#include "cni/lost.h"

#include "cni/ipam.h"
#include "cni/names.h"
#include "control/api/client.h"

namespace bulkhead::cni {
namespace {

// A node that comes back from a reboot has lost all its pods: the first ADDs share the work.
constexpr std::size_t kMostAtOnce = 64;

// As if the runtime had called DEL. CNI_ARGS would name the pod that is being added.
Request deletion_of(const Request& request, const control::api::LostAttachment& lost) {
  Request deletion = request;
  deletion.container_id = lost.container_id;
  deletion.ifname = lost.ifname;
  deletion.netns.clear();
  deletion.environment["CNI_CONTAINERID"] = lost.container_id;
  deletion.environment["CNI_IFNAME"] = lost.ifname;
  deletion.environment["CNI_NETNS"] = "";
  deletion.environment.erase("CNI_ARGS");
  return deletion;
}

}  // namespace

std::size_t release_lost(const Request& request, const Deadlines& deadlines, std::string& notes) {
  using Clock = std::chrono::steady_clock;
  const control::api::Client client(request.socket, deadlines.other);
  // No agent, or an older one: attaching will say so.
  const auto lost = client.lost_attachments(request.configuration.name);
  if (!lost) return 0;
  const auto end = Clock::now() + deadlines.other;
  std::size_t released = 0;
  for (const auto& attachment : *lost) {
    if (released == kMostAtOnce || Clock::now() >= end) break;
    if (!is_container_id(attachment.container_id) || !is_interface_name(attachment.ifname))
      continue;
    if (auto freed = release(deletion_of(request, attachment)); !freed) {
      notes +=
          fmt::format("lost lease of {}: {}\n", attachment.container_id, freed.error().message);
      break;
    }
    ++released;
    if (!client.detach({attachment.container_id, attachment.ifname, {}})) break;
  }
  return released;
}

}  // namespace bulkhead::cni
