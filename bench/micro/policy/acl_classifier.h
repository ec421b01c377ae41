// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "bench/micro/policy/acl_flatten.h"
#include "policy/base/result.h"

struct rte_acl_ctx;

namespace bulkhead::bench {

// What rte_acl reads of a packet, network byte order.
struct AclKey {
  std::uint8_t protocol = 0;
  std::uint8_t pad[3] = {};
  std::uint32_t source = 0;
  std::uint32_t destination = 0;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
};

struct AclCost {
  std::size_t entries = 0;
  double build_ms = 0;
  std::size_t rule_bytes = 0;  // the entries themselves
  std::size_t trie_bytes = 0;  // what look-ups read
};

// One direction's policy in DPDK's packet classifier (librte_acl 22.11). EAL must run.
class AclClassifier {
 public:
  [[nodiscard]] static Result<AclClassifier> build(const char* name, Direction direction,
                                                   const FlatPolicy& policy);

  // Verdicts of at most 64 keys: 0 no entry (open), 1 closed, 2 allowed.
  void classify(std::span<const AclKey* const> keys, std::span<std::uint32_t> verdicts) const;
  [[nodiscard]] const AclCost& cost() const { return cost_; }

 private:
  struct Free {
    void operator()(rte_acl_ctx* context) const;
  };
  std::unique_ptr<rte_acl_ctx, Free> context_;
  AclCost cost_;
};

}  // namespace bulkhead::bench
