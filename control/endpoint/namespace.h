// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <thread>
#include <type_traits>

#include "policy/base/fd.h"
#include "policy/base/result.h"

// Doing things in another network namespace without ever leaving one's own: a thread of its own
// enters, works and ends there. An empty path means the caller's namespace.
namespace bulkhead::control::endpoint {

// Opens the file and makes sure that it is a namespace (nsfs) and, unless the path is empty, not
// the one this process runs in: a pod on the host's network has no port of ours.
[[nodiscard]] Result<Fd> open_pod_namespace(const std::string& path);

// Puts the calling thread into the namespace. Only for threads that end there.
[[nodiscard]] Status enter_namespace(const Fd& network_namespace);

// Inode of the calling thread's network namespace.
[[nodiscard]] std::uint64_t current_netns_inode();

// Runs `work`, which returns a Result, in the namespace at `path` and hands back its answer.
template <class Work>
[[nodiscard]] auto in_namespace(const std::string& path, Work work) -> std::invoke_result_t<Work> {
  if (path.empty()) return work();
  auto opened = open_pod_namespace(path);
  if (!opened) return tl::unexpected(opened.error());
  std::optional<std::invoke_result_t<Work>> answer;
  std::thread([&] {
    const auto entered = enter_namespace(*opened);
    if (!entered) {
      answer.emplace(tl::unexpected(entered.error()));
    } else {
      answer.emplace(work());
    }
  }).join();
  return std::move(*answer);
}

}  // namespace bulkhead::control::endpoint
