// SPDX-License-Identifier: Apache-2.0
#include "cni/ipam.h"
#include "cni/link.h"
#include "cni/tombstone.h"
#include "cni/verbs.h"
#include "control/api/client.h"

namespace bulkhead::cni {

Outcome<std::string> del(const Request& request, const Deadlines& deadlines, std::string& notes) {
  const control::api::Client client(request.socket, deadlines.other);
  const auto detached = client.detach({request.container_id, request.ifname, request.netns});
  if (auto deleted = delete_tap(request.netns, request.ifname); !deleted) {
    notes += deleted.error().text() + "\n";
  }
  // The address is given back only once the agent knows, or will know before it next attaches
  // anybody, that it is no longer this pod's.
  if (!detached && detached.error().status != 404) {
    notes += fmt::format("{}: left a tombstone in {}\n", detached.error().message,
                         request.tombstones().string());
    if (auto written = write_tombstone(request); !written) {
      return refuse(Code::InputOutput, "{}", written.error().text());
    }
  } else if (auto removed = remove_tombstone(request); !removed) {
    // One from an ADD that nobody knew the end of: the agent has just done what it asks.
    notes += removed.error().text() + "\n";
  }
  if (auto released = release(request); !released) return tl::unexpected(released.error());
  return std::string();
}

}  // namespace bulkhead::cni
