// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/acl_classifier.h"

#include <rte_acl.h>
#include <rte_malloc.h>

#include <array>
#include <cstring>

#include "bench/micro/policy/memory_figures.h"

namespace bulkhead::bench {
namespace {

enum Field : std::size_t {
  kProtocol,
  kSource,
  kDestination,
  kSourcePort,
  kDestinationPort,
  kFields
};
RTE_ACL_RULE_DEF(Rule, kFields);

constexpr std::uint32_t kClosed = 1;
constexpr std::uint32_t kAllowed = 2;
// Build may try tries up to this size before it splits the rules over several.
constexpr std::size_t kTrieLimit = std::size_t{1} << 30;

rte_acl_field_def field(Field which, std::uint8_t type, std::uint8_t size, std::uint8_t input,
                        std::size_t offset) {
  rte_acl_field_def made{};
  made.type = type;
  made.size = size;
  made.field_index = static_cast<std::uint8_t>(which);
  made.input_index = input;
  made.offset = static_cast<std::uint32_t>(offset);
  return made;
}

std::uint32_t host_order(const IpAddress& ip) {
  return std::uint32_t{ip.bytes[0]} << 24 | std::uint32_t{ip.bytes[1]} << 16 |
         std::uint32_t{ip.bytes[2]} << 8 | ip.bytes[3];
}

Rule rule_of(Direction direction, const IpAddress& subject, const Prefix& peer) {
  Rule rule{};
  rule.data.category_mask = 1;
  const bool is_ingress = direction == Direction::Ingress;
  rule.field[is_ingress ? kDestination : kSource].value.u32 = host_order(subject);
  rule.field[is_ingress ? kDestination : kSource].mask_range.u32 = 32;
  rule.field[is_ingress ? kSource : kDestination].value.u32 = host_order(peer.address());
  rule.field[is_ingress ? kSource : kDestination].mask_range.u32 = peer.length();
  rule.field[kSourcePort].mask_range.u16 = 65535;
  rule.field[kDestinationPort].mask_range.u16 = 65535;
  return rule;
}

std::size_t heap_bytes() {
  rte_malloc_socket_stats stats{};
  rte_malloc_get_socket_stats(0, &stats);
  return stats.heap_allocsz_bytes;
}

}  // namespace

void AclClassifier::Free::operator()(rte_acl_ctx* context) const { rte_acl_free(context); }

Result<AclClassifier> AclClassifier::build(const char* name, Direction direction,
                                           const FlatPolicy& policy) {
  AclClassifier made;
  made.cost_.entries = policy.allowed.size() + policy.isolated.size();
  rte_acl_param parameters{};
  parameters.name = name;
  parameters.socket_id = SOCKET_ID_ANY;
  parameters.rule_size = RTE_ACL_RULE_SZ(kFields);
  parameters.max_rule_num = static_cast<std::uint32_t>(made.cost_.entries + 1);
  const std::size_t before = heap_bytes();
  made.context_.reset(rte_acl_create(&parameters));
  if (!made.context_) return fail("rte_acl_create: no memory for {} entries", made.cost_.entries);
  const auto add = [&](const Rule& rule) {
    return rte_acl_add_rules(made.context_.get(), reinterpret_cast<const rte_acl_rule*>(&rule), 1);
  };
  for (const auto& subject : policy.isolated) {
    Rule rule = rule_of(direction, subject, *Prefix::make(IpAddress{}, 0));
    rule.data.priority = 1;
    rule.data.userdata = kClosed;
    if (add(rule) != 0) return fail("rte_acl_add_rules refuses an entry");
  }
  for (const auto& allowed : policy.allowed) {
    Rule rule = rule_of(direction, allowed.subject, allowed.peer);
    rule.data.priority = 2;
    rule.data.userdata = kAllowed;
    rule.field[kProtocol].value.u8 = allowed.protocol;
    rule.field[kProtocol].mask_range.u8 = 0xff;
    rule.field[kDestinationPort].value.u16 = allowed.ports.first;
    rule.field[kDestinationPort].mask_range.u16 = allowed.ports.last;
    if (add(rule) != 0) return fail("rte_acl_add_rules refuses an entry");
  }
  made.cost_.rule_bytes = heap_bytes() - before;

  rte_acl_config config{};
  config.num_categories = 1;
  config.num_fields = kFields;
  config.max_size = kTrieLimit;
  const std::array fields = {
      field(kProtocol, RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, offsetof(AclKey, protocol)),
      field(kSource, RTE_ACL_FIELD_TYPE_MASK, 4, 1, offsetof(AclKey, source)),
      field(kDestination, RTE_ACL_FIELD_TYPE_MASK, 4, 2, offsetof(AclKey, destination)),
      field(kSourcePort, RTE_ACL_FIELD_TYPE_RANGE, 2, 3, offsetof(AclKey, source_port)),
      field(kDestinationPort, RTE_ACL_FIELD_TYPE_RANGE, 2, 3, offsetof(AclKey, destination_port))};
  std::copy(fields.begin(), fields.end(), config.defs);
  const std::size_t filled = heap_bytes();
  const double start = seconds();
  const int built = rte_acl_build(made.context_.get(), &config);
  made.cost_.build_ms = (seconds() - start) * 1e3;
  if (built != 0) return fail("rte_acl_build: {}", std::strerror(-built));
  made.cost_.trie_bytes = heap_bytes() - filled;
  return made;
}

void AclClassifier::classify(std::span<const AclKey* const> keys,
                             std::span<std::uint32_t> verdicts) const {
  // The interface takes byte pointers to whatever the field definitions describe.
  const auto* data = reinterpret_cast<const std::uint8_t* const*>(keys.data());
  rte_acl_classify(context_.get(), const_cast<const std::uint8_t**>(data), verdicts.data(),
                   static_cast<std::uint32_t>(keys.size()), 1);
}

}  // namespace bulkhead::bench
