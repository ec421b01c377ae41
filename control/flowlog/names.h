// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "policy/base/ids.h"
#include "policy/base/ip.h"
#include "policy/base/verdict.h"

namespace bulkhead::control::flowlog {

struct RuleName {
  std::string rule;  // "NetworkPolicy/db/web/ingress/0" or "default/..."
  Direction direction = Direction::Ingress;
  Verdict verdict = Verdict::Deny;
  bool is_staged = false;
};
struct PodName {
  std::string pod_namespace;
  std::string pod;
};

// Turns the data plane's numbers into names. Implemented by the agent's state, read by flow records
// and metrics. Thread: any; the implementation hands out copies.
class Names {
 public:
  virtual ~Names() = default;
  [[nodiscard]] virtual std::optional<RuleName> rule(CounterSlot slot) const = 0;
  [[nodiscard]] virtual std::optional<PodName> pod(const IpAddress& address) const = 0;
};

}  // namespace bulkhead::control::flowlog
