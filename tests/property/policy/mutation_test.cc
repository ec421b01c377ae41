// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <iostream>
#include <map>
#include <set>

#include "policy/table/lookup.h"
#include "policy/verify/verify.h"
#include "tests/property/policy/broken_compile.h"
#include "tests/unit/policy/compile/cluster_builder.h"

namespace bulkhead {
namespace {

using testing::BrokenCompile;
using testing::ip;

compile::CompiledTable compiled_from(const model::Cluster& cluster) {
  compile::Numbers numbers;
  return *compile::compile(cluster, {}, Revision{1}, numbers);
}

compile::CompiledTable broken(const BrokenCompile& way) {
  model::Cluster understood = testing::mutation_cluster();
  if (way.misread) way.misread(understood);
  auto table = compiled_from(understood);
  if (way.spoil) way.spoil(table);
  return table;
}

// Everything a data plane would be told, spelt out: verdicts and rules by address, and which
// addresses there are. The verifier has no part in it.
class Answers {
 public:
  explicit Answers(const compile::CompiledTable& compiled)
      : view_(*table::TableView::open(compiled.section_bytes())) {
    for (const auto& info : compiled.slots) rules_[info.slot.value] = info.rule;
    for (const auto& [address, entry] : compiled.addresses) {
      text_ += address.text() + "\n";
      identities_[address] = entry.identity;
    }
    for (const auto& [address, entry] : compiled.addresses) {
      for (const auto& [other_address, other] : compiled.addresses) {
        if (other.pod != entry.pod) ask(entry.identity, other.identity);  // self never leaves it
      }
      for (const char* outside :
           {"0.0.0.1",     "8.8.8.8",     "192.0.0.1",     "192.0.8.1",    "192.0.9.1",
            "192.0.9.200", "192.0.200.1", "192.1.0.1",     "192.0.2.53",   "10.9.9.9",
            "10.1.0.1",    "2001:db8::1", "2001:db9::1",   "fd00:9::9",    "fe80::1",
            "10.0.0.8",    "172.16.0.1",  "192.0.2.101",   "192.0.2.102",  "192.0.2.103",
            "192.0.2.104", "203.0.113.7", "2001:db8:a::1", "2001:db8:a::2"}) {
        ask(entry.identity, identity(outside));
      }
      ask(entry.identity, kOwnNodeIdentity);
    }
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  [[nodiscard]] IdentityId identity(const char* address) const {
    const auto found = identities_.find(ip(address));
    return found != identities_.end() ? found->second : view_.outside_identity(ip(address));
  }
  void ask(IdentityId subject, IdentityId peer) {
    for (const Direction direction : kDirections) {
      for (const auto& [protocol, ports] : kProbes) {
        for (const std::uint16_t port : ports) {
          const table::Query query{subject, peer, port, protocol};
          table::Decision decision;
          table::lookup(view_, direction, {&query, 1}, {&decision, 1});
          text_ += fmt::format("{}{} {} {}\n", static_cast<int>(decision.verdict),
                               static_cast<int>(decision.staged_verdict),
                               rules_[decision.slot.value], rules_[decision.staged_slot.value]);
        }
      }
    }
  }

  static const std::map<std::uint8_t, std::vector<std::uint16_t>> kProbes;
  table::TableView view_;
  std::map<std::uint32_t, std::string> rules_;
  std::map<IpAddress, IdentityId> identities_;
  std::string text_;
};
const std::map<std::uint8_t, std::vector<std::uint16_t>> Answers::kProbes = {
    {kTcp,
     {1, 53, 443, 3305, 3306, 3307, 5000, 6443, 7200, 8000, 8050, 8100, 8150, 9100, 9153, 9200,
      30000, 65535}},
    {kUdp, {53, 4999, 5000, 5001, 5999, 6000, 6001, 7000, 9101}},
    {kSctp, {9, 7100}},
    {kIcmp, {0}}};

std::vector<BrokenCompile> all_ways() {
  auto ways = testing::misreadings();
  for (auto& way : testing::spoilings()) ways.push_back(std::move(way));
  return ways;
}

TEST(Mutation, TheUnbrokenCompileIsAccepted) {
  const auto cluster = testing::mutation_cluster();
  const auto report = verify::verify(cluster, {}, compiled_from(cluster), {});
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_TRUE(report->is_complete());
}

TEST(Mutation, EveryWayToBreakTheCompileMatters) {
  const std::string right = Answers(compiled_from(testing::mutation_cluster())).text();
  for (const auto& way : all_ways()) {
    EXPECT_NE(Answers(broken(way)).text(), right) << "changes no answer: " << way.what;
  }
}

TEST(Mutation, EveryWayToBreakTheCompileIsCaught) {
  const auto cluster = testing::mutation_cluster();
  std::set<std::string> names;
  for (const auto& way : all_ways()) {
    EXPECT_TRUE(names.insert(way.what).second) << "listed twice: " << way.what;
    const auto report = verify::verify(cluster, {}, broken(way), {});
    EXPECT_FALSE(report) << "not caught: " << way.what;
    if (!report) std::cout << way.what << ": " << report.error().text() << "\n";
  }
  std::cout << names.size() << " ways\n";
  EXPECT_GE(names.size(), 110u);
}

}  // namespace
}  // namespace bulkhead
