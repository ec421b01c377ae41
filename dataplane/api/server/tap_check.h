// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "policy/base/result.h"

namespace bulkhead::dataplane {

// A descriptor from the agent must be a TAP queue as ports need it: no packet information, a
// 12-byte virtio-net header, non-blocking. Fails naming what it is instead. Needs no privilege.
[[nodiscard]] Status check_tap(int fd);

// Which of these queues lead to no device any more, by position; one system call. Linux wakes a
// queue's reader before it cuts the queue off (tun_detach_all): a reader that is quick finds
// nothing and is never woken again. So whoever holds queues must also look from time to time.
[[nodiscard]] std::vector<std::size_t> cut_off_queues(std::span<const int> fds);

}  // namespace bulkhead::dataplane
