// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "cni/request.h"
#include "policy/base/fd.h"

namespace bulkhead::cni {

// Keeps two kinds of calls apart: an ADD between its lease and the agent's answer (they share), and
// one that gives lost leases back (alone). Else a container whose DEL was lost, and which is added
// again at this moment, could have its new lease given back as the old one. The kernel frees it
// with the process. Without the agent's folder there is no agent that could name lost leases:
// everything succeeds.
class LeaseLock {
 public:
  // The file `cni.lock` beside the agent's socket.
  explicit LeaseLock(const Request& request);

  // False when others hold it for all of `patience`; then what was held is lost.
  [[nodiscard]] bool hold_alone(std::chrono::milliseconds patience) const;
  [[nodiscard]] bool share(std::chrono::milliseconds patience) const;

 private:
  [[nodiscard]] bool take(int operation, std::chrono::milliseconds patience) const;

  Fd file_;
};

}  // namespace bulkhead::cni
