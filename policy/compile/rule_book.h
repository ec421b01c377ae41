// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/compile/resolve.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

// A rule's name as a number. The implicit rules come first, in this order; the rules of policies
// follow, by their numbers in the book.
enum class RuleName : std::uint32_t { Isolated, Node, Namespace, Dns, OwnNode, Quarantine };
inline constexpr std::uint32_t kImplicitRules = 6;

// Points of the (protocol, port) line of policy/table/format.h, both ends included.
struct LineRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

// A rule with its peers resolved: what folding needs and no more.
struct FlatRule {
  RuleName name = RuleName::Isolated;
  model::Tier tier = model::Tier::NetworkPolicy;
  model::RuleAction action = model::RuleAction::Accept;
  bool staged = false;
  bool every_peer = false;
  bool every_port = false;
  std::vector<std::uint32_t> peer_sets;    // of the Resolver
  std::vector<LineRange> ports;            // sorted
  std::vector<std::uint32_t> named_ports;  // of PortNames
};

// A port that goes by name: number of the name, point of the line.
struct PortOfName {
  std::uint32_t named_port = 0;
  std::uint32_t point = 0;
  friend auto operator<=>(const PortOfName&, const PortOfName&) = default;
};

// The names that rules give to ports, by protocol, each with a number that it keeps.
class PortNames {
 public:
  using Name = std::pair<std::uint8_t, std::string>;
  [[nodiscard]] std::uint32_t number_of(const Name& name);
  // Nothing where no rule ever named it.
  [[nodiscard]] std::optional<std::uint32_t> find(const Name& name) const;
  [[nodiscard]] const Name& name(std::uint32_t number) const { return *names_[number]; }

 private:
  std::map<Name, std::uint32_t> numbers_;
  std::vector<const Name*> names_;
};

// The rules that some subject needs, each flattened once. A rule keeps its number from table to
// table, for as long as a subject of every one of them needs it.
class RuleBook {
 public:
  // All are borrowed.
  RuleBook(Resolver& resolver, const Inventory& inventory, PortNames& port_names)
      : resolver_(resolver), inventory_(inventory), port_names_(port_names) {}

  // The policy's rules of a direction, as numbers of rules.
  [[nodiscard]] const std::vector<std::uint32_t>& rules_of(const model::Policy& policy,
                                                           Direction direction);
  // default/dns: egress to the cluster's DNS on port 53.
  [[nodiscard]] std::uint32_t dns_rule();
  // default/dns: ingress of the cluster's DNS pods on port 53, from every live pod.
  [[nodiscard]] std::uint32_t dns_server_rule();
  // default/quarantine for the one forensic peer.
  [[nodiscard]] std::uint32_t forensic_rule(const Prefix& peer);

  // The policy is no more, or its namespace is another one.
  void forget(const model::Policy& policy);
  // By number: the rules that subjects need now; all others are forgotten. Their numbers are free
  // for the next table, not for this one.
  void forget_unused(const std::vector<bool>& is_used);
  // One past the highest number.
  [[nodiscard]] std::size_t size() const { return rules_.size(); }

  [[nodiscard]] const FlatRule& rule(std::uint32_t number) const { return rules_[number].flat; }
  [[nodiscard]] const std::string& text(RuleName name) const;
  // The named ports of the book that this pod has, sorted. Complete once every rule is in.
  [[nodiscard]] std::vector<PortOfName> ports_of(const model::Pod& pod) const;
  // By number: whether a rule of the book gives this name to a port.
  [[nodiscard]] std::vector<bool> named_ports() const;

 private:
  struct Held {
    FlatRule flat;
    std::string text;  // its name
  };
  struct OfPolicy {
    std::array<std::vector<std::uint32_t>, 2> rules;
    std::array<bool, 2> is_flat{};
  };

  [[nodiscard]] FlatRule flatten(const model::Policy& policy, const model::Rule& rule);
  void add_port(FlatRule& flat, const model::PortMatch& match);
  [[nodiscard]] std::uint32_t take_number();
  [[nodiscard]] std::uint32_t add(FlatRule rule);
  template <class Make>
  [[nodiscard]] std::uint32_t implicit(const std::string& key, const Make& make);
  [[nodiscard]] static FlatRule dns_to(std::uint32_t peer_set);
  void leave(std::uint32_t number);

  Resolver& resolver_;
  const Inventory& inventory_;
  PortNames& port_names_;
  std::vector<Held> rules_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> leaving_;  // free from the next table on
  std::unordered_map<const model::Policy*, OfPolicy> of_policy_;
  std::map<std::string, std::uint32_t> implicit_;  // rules that no policy has
  std::vector<std::uint32_t> port_name_uses_;      // by number of the name
};

}  // namespace bulkhead::compile
