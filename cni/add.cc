// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <chrono>

#include "cni/agent_error.h"
#include "cni/ipam.h"
#include "cni/lease_lock.h"
#include "cni/link.h"
#include "cni/lost.h"
#include "cni/reply.h"
#include "cni/tombstone.h"
#include "cni/verbs.h"
#include "control/api/client.h"

namespace bulkhead::cni {
namespace {

namespace api = control::api;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds left_until(Clock::time_point end) {
  return std::chrono::duration_cast<milliseconds>(end - Clock::now());
}

api::AttachmentRequest attachment_of(const Request& request, const PodIdentity& pod,
                                     const Lease& lease) {
  api::AttachmentRequest attachment;
  attachment.container_id = request.container_id;
  attachment.ifname = request.ifname;
  attachment.netns = request.netns;
  attachment.pod_namespace = pod.pod_namespace;
  attachment.pod_name = pod.name;
  attachment.pod_uid = pod.uid;
  for (const auto& address : lease.addresses) {
    attachment.ips.push_back({address.text, address.gateway});
  }
  attachment.labels = request.configuration.labels;
  attachment.mtu = request.configuration.mtu;
  attachment.network = request.configuration.name;
  return attachment;
}

// An agent that is just being restarted is worth waiting for: `ctr` and podman do not ask twice.
api::Reply<api::AttachmentReply> attach(const Request& request, api::AttachmentRequest attachment,
                                        const Deadlines& deadlines) {
  constexpr milliseconds kBetweenTries{50};
  const auto end = Clock::now() + deadlines.attach;
  while (true) {
    const auto left = std::max(left_until(end), milliseconds{1});
    attachment.timeout_ms = static_cast<int>(left.count());
    const api::Client client(request.socket, left + deadlines.answer);
    auto reply = client.attach(attachment);
    const bool may_try_again = !reply && is_unreachable(reply.error());
    if (!may_try_again || left_until(end) <= kBetweenTries) return reply;
    ::poll(nullptr, 0, static_cast<int>(kBetweenTries.count()));
  }
}

// Nothing may stay behind, also where nobody knows whether the agent went through with it.
void undo_attachment(const Request& request, const Deadlines& deadlines, std::string& notes) {
  const api::Client client(request.socket, deadlines.other);
  if (client.detach({request.container_id, request.ifname, request.netns})) return;
  if (auto deleted = delete_tap(request.netns, request.ifname); !deleted) {
    notes += deleted.error().text() + "\n";
  }
  if (auto written = write_tombstone(request); !written) notes += written.error().text() + "\n";
}

// What no DEL gave back is given back first: with a full pool nothing else would make room. While
// other ADDs run that waits, unless the pool is full indeed.
Outcome<Lease> lease_after_lost(const Request& request, const LeaseLock& lock,
                                const Deadlines& deadlines, std::string& notes) {
  const bool is_alone = lock.hold_alone(milliseconds{0});
  if (is_alone) release_lost(request, deadlines, notes);
  if (!lock.share(deadlines.attach)) {
    return refuse(Code::TryAgainLater, "another ADD is still giving lost addresses back");
  }
  auto leased = lease(request);
  if (leased || is_alone || !lock.hold_alone(deadlines.other)) return leased;
  const bool has_room = release_lost(request, deadlines, notes) > 0;
  if (!lock.share(deadlines.attach) || !has_room) return leased;
  return lease(request);
}

}  // namespace

Outcome<std::string> add(const Request& request, const Deadlines& deadlines, std::string& notes) {
  const auto pod = identity_of(request);
  if (!pod) return tl::unexpected(pod.error());
  const LeaseLock lock(request);
  const auto leased = lease_after_lost(request, lock, deadlines, notes);
  if (!leased) return tl::unexpected(leased.error());

  const auto attached = attach(request, attachment_of(request, *pod, *leased), deadlines);
  if (!attached) {
    if (is_outcome_unknown(attached.error())) undo_attachment(request, deadlines, notes);
    CniError error = cni_error(attached.error());
    if (auto released = release(request); !released) {
      error.details += "; the addresses could not be given back: " + released.error().message;
    }
    return tl::unexpected(error);
  }
  if (auto removed = remove_tombstone(request); !removed) notes += removed.error().text() + "\n";
  for (const auto& warning : attached->warnings) notes += "warning: " + warning + "\n";
  return result_json(request, *leased, *attached);
}

}  // namespace bulkhead::cni
