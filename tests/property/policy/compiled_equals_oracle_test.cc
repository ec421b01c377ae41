// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "policy/oracle/oracle.h"
#include "policy/table/lookup.h"
#include "policy/verify/verify.h"
#include "tests/property/policy/describe.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead {
namespace {

using testing::describe;
using testing::Random;

constexpr int kCases = 100'000;  // in CI; a nightly run asks for a million or more
constexpr int kProbesPerCluster = 100;
constexpr int kCasesPerTable = 200;  // the verifier asks about 300 questions a table
constexpr std::array<std::uint8_t, 6> kProtocols = {kTcp, kUdp, kSctp, kIcmp, kIcmpV6, 47};
constexpr std::array<std::uint16_t, 17> kPorts = {0,  1,   2,   52,  53,   54,    79,    80,   81,
                                                  82, 255, 256, 443, 8080, 30000, 65534, 65535};

// A party of the cluster, and whether an ambiguity makes the compile drop it on purpose.
struct End {
  oracle::Party party;
  bool is_unknown = false;
};

class Probe {
 public:
  Probe(const model::Cluster& cluster, Random& random) : cluster_(cluster), random_(random) {
    for (const auto& [key, pod] : cluster.pods) {
      if (!pod->is_live()) continue;
      live_.push_back(pod.get());
      for (const auto& address : pod->ips) owners_[address].push_back(pod.get());
    }
    for (const auto& [name, node] : cluster.nodes) {
      node_addresses_.insert(node_addresses_.end(), node->addresses.begin(), node->addresses.end());
    }
  }
  [[nodiscard]] bool has_pods() const { return !live_.empty(); }

  [[nodiscard]] End pod() {
    const model::Pod* pod = live_[random_() % live_.size()];
    End end{.party = {.pod = pod, .address = {}}};
    if (!pod->ips.empty()) end.party.address = pod->ips[random_() % pod->ips.size()];
    return end;
  }
  [[nodiscard]] End anyone() {
    if (random_() % 3 != 0) return pod();
    if (random_() % 8 == 0) return {.party = {.pod = nullptr, .address = {}, .own_node = true}};
    const bool is_node = !node_addresses_.empty() && random_() % 3 == 0;
    const IpAddress address = is_node ? node_addresses_[random_() % node_addresses_.size()]
                                      : testing::random_address(random_);
    const auto owners = owners_.find(address);
    if (owners != owners_.end()) return {.party = {.pod = owners->second[0], .address = address}};
    return {.party = {.pod = nullptr, .address = address},
            .is_unknown = std::ranges::any_of(cluster_.settings.pod_cidrs, [&](const Prefix& cidr) {
              return cidr.contains(address);
            })};
  }

 private:
  const model::Cluster& cluster_;
  Random& random_;
  std::vector<const model::Pod*> live_;
  std::map<IpAddress, std::vector<const model::Pod*>> owners_;
  std::vector<IpAddress> node_addresses_;
};

class Table {
 public:
  Table(const compile::CompiledTable& compiled, const table::TableView& view)
      : compiled_(compiled), view_(view) {
    for (const auto& [address, entry] : compiled.addresses) identities_[address] = entry.identity;
    for (const auto& info : compiled.slots) rules_[info.slot.value] = info.rule;
  }
  [[nodiscard]] IdentityId identity(const oracle::Party& party) const {
    if (party.own_node) return kOwnNodeIdentity;
    if (!party.address) return compiled_.pods.at(party.pod->key);
    const auto found = identities_.find(*party.address);
    return found != identities_.end() ? found->second : view_.outside_identity(*party.address);
  }
  [[nodiscard]] oracle::Answer answer(Direction direction, const oracle::Party& subject,
                                      const oracle::Party& peer, std::uint8_t protocol,
                                      std::uint16_t port) const {
    const table::Query query{identity(subject), identity(peer), port, protocol};
    table::Decision decision;
    table::lookup(view_, direction, {&query, 1}, {&decision, 1});
    oracle::Answer answer;
    answer.verdict = decision.verdict;
    answer.staged_verdict = decision.staged_verdict;
    answer.rule = decision.slot.value == 0 ? "" : rules_.at(decision.slot.value);
    answer.staged_rule =
        decision.staged_slot.value == 0 ? answer.rule : rules_.at(decision.staged_slot.value);
    return answer;
  }

 private:
  const compile::CompiledTable& compiled_;
  const table::TableView& view_;
  std::map<IpAddress, IdentityId> identities_;
  std::map<std::uint32_t, std::string> rules_;
};

std::string text_of(const oracle::Party& party) {
  return fmt::format("{} {}{}", party.pod != nullptr ? party.pod->key.text() : "-",
                     party.address ? party.address->text() : "-",
                     party.own_node ? " own node" : "");
}

TEST(Compile, AnswersAsTheOracleDoes) {
  Random random(testing::seed_from_environment());
  const int cases = testing::cases_from_environment(kCases);
  int probes = 0;
  int clusters = 0;
  for (; probes < cases; ++clusters) {
    ASSERT_LT(clusters, cases) << "clusters without pods, one after the other";
    const model::Cluster cluster = testing::random_cluster(random);
    compile::Numbers numbers;
    const auto compiled = compile::compile(cluster, {}, Revision{1}, numbers);
    ASSERT_TRUE(compiled) << compiled.error().text() << "\n" << describe(cluster);
    const auto view = table::TableView::open(compiled->section_bytes());
    ASSERT_TRUE(view) << view.error().text() << "\n" << describe(cluster);
    const Table table(*compiled, *view);
    Probe probe(cluster, random);
    if (!probe.has_pods()) continue;
    for (int i = 0; i < kProbesPerCluster; ++i) {
      const End subject = probe.pod();
      const End peer = probe.anyone();
      const Direction direction = kDirections[random() % 2];
      const bool is_self = subject.party.pod == peer.party.pod;
      if (is_self || (peer.party.own_node && direction == Direction::Egress)) continue;
      if (table.identity(subject.party) == kUnknownIdentity) continue;  // two pods claim it
      const std::uint8_t protocol = kProtocols[random() % kProtocols.size()];
      const std::uint16_t port = kPorts[random() % kPorts.size()];
      auto answer = table.answer(direction, subject.party, peer.party, protocol, port);
      ++probes;
      if (peer.is_unknown || table.identity(peer.party) == kUnknownIdentity) {
        ASSERT_EQ(answer.verdict, Verdict::Deny) << describe(cluster);
        continue;
      }
      const auto expected =
          oracle::decide(cluster, direction, subject.party, peer.party, protocol, port);
      answer.tier = expected.tier;  // the table does not keep it
      ASSERT_EQ(answer, expected) << name_of(direction) << " subject " << text_of(subject.party)
                                  << " peer " << text_of(peer.party) << " "
                                  << protocol_name(protocol) << "/" << port << "\ntable "
                                  << name_of(answer.verdict) << " " << answer.rule << " staged "
                                  << name_of(answer.staged_verdict) << " " << answer.staged_rule
                                  << "\noracle " << name_of(expected.verdict) << " "
                                  << expected.rule << " staged " << name_of(expected.staged_verdict)
                                  << " " << expected.staged_rule << "\n"
                                  << describe(cluster);
    }
  }
  std::cout << probes << " probes of " << clusters << " clusters\n";
}

TEST(Verify, AcceptsEveryTableOfTheCompiler) {
  Random random(testing::seed_from_environment() + 1);
  const int rounds = testing::cases_from_environment(kCases) / kCasesPerTable;
  std::uint64_t questions = 0;
  for (int round = 0; round < rounds; ++round) {
    const model::Cluster cluster = testing::random_cluster(random);
    compile::Numbers numbers;
    compile::LocalPods local;
    if (round % 2 == 0) {
      local.emplace();
      for (const auto& [key, pod] : cluster.pods) {
        if (random() % 2 == 0) local->insert(key);
      }
    }
    const auto compiled = compile::compile(cluster, local, Revision{1}, numbers);
    ASSERT_TRUE(compiled) << compiled.error().text();
    const auto report = verify::verify(cluster, local, *compiled, {});
    ASSERT_TRUE(report) << report.error().text() << "\n" << describe(cluster);
    EXPECT_TRUE(report->is_complete());
    questions += report->questions;
  }
  std::cout << questions << " questions\n";
  EXPECT_GE(questions, 100u * static_cast<unsigned>(rounds));
}

}  // namespace
}  // namespace bulkhead
