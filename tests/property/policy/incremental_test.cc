// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <set>

#include "policy/compile/compiler.h"
#include "policy/table/lookup.h"
#include "policy/verify/table_cuts.h"
#include "policy/verify/verifier.h"
#include "policy/verify/verify.h"
#include "tests/property/policy/describe.h"
#include "tests/property/policy/editor.h"
#include "tests/property/policy/random_cluster.h"

namespace bulkhead {
namespace {

using testing::describe;
using testing::Editor;
using testing::Random;

constexpr int kSequences = 60;
constexpr int kEdits = 12;

// What the table answers, by names instead of numbers.
std::string answers(const compile::CompiledTable& compiled, const compile::Numbers& numbers) {
  const auto view = *table::TableView::open(compiled.section_bytes());
  verify::TableCuts cuts(view);
  std::map<std::uint32_t, std::string> rules = {{0, "-"}};
  for (const auto& info : compiled.slots) {
    rules[info.slot.value] =
        fmt::format("{} {} {}", info.rule, name_of(info.verdict), info.staged ? "staged" : "");
  }
  std::map<std::string, IdentityId> identities = {{"world", kWorldIdentity},
                                                  {"own node", kOwnNodeIdentity}};
  for (const auto& [id, key] : compiled.identity_keys) {
    EXPECT_EQ(numbers.identities().at(*key), id.value);
    identities[*key] = id;
  }
  std::string text;
  for (const Direction direction : kDirections) {
    for (const auto& [subject_key, subject] : identities) {
      for (const auto& [peer_key, peer] : identities) {
        std::string before;
        for (const std::uint32_t point : cuts.of(direction, subject, peer)) {
          constexpr std::array<std::uint8_t, 4> kProtocols = {kTcp, kUdp, kSctp, kIcmp};
          const table::Query query{subject, peer, static_cast<std::uint16_t>(point),
                                   kProtocols[point >> 16]};
          table::Decision decision;
          table::lookup(view, direction, {&query, 1}, {&decision, 1});
          const auto now =
              fmt::format("{} {} {} {}", name_of(decision.verdict), rules.at(decision.slot.value),
                          name_of(decision.staged_verdict), rules.at(decision.staged_slot.value));
          if (now == before) continue;
          text += fmt::format("{} {} {} {}: {}\n", name_of(direction), subject_key, peer_key, point,
                              now);
          before = now;
        }
      }
    }
  }
  return text;
}

void expect_same_bytes(const compile::CompiledTable& one, const compile::CompiledTable& other) {
  ASSERT_EQ(one.sections.size(), other.sections.size());
  for (std::size_t i = 0; i < one.sections.size(); ++i) {
    EXPECT_EQ(one.sections[i].kind, other.sections[i].kind);
    EXPECT_EQ(one.sections[i].bytes, other.sections[i].bytes) << "section " << i;
  }
  EXPECT_TRUE(std::ranges::equal(
      one.identity_keys, other.identity_keys,
      [](const auto& a, const auto& b) { return a.first == b.first && *a.second == *b.second; }));
  EXPECT_EQ(one.slot_keys, other.slot_keys);
  EXPECT_EQ(one.pods, other.pods);
  EXPECT_EQ(one.addresses, other.addresses);
}

void give_back_unused(const compile::CompiledTable& table, compile::Numbers& numbers) {
  std::set<std::string> used;
  for (const auto& [id, key] : table.identity_keys) used.insert(*key);
  const auto known = numbers.identities();
  for (const auto& [key, number] : known) {
    if (!used.contains(key)) numbers.release_identity(key);
  }
  const std::set<std::string> counted(table.slot_keys.begin(), table.slot_keys.end());
  const auto slots = numbers.slots();
  for (const auto& [key, number] : slots) {
    if (!counted.contains(key)) numbers.release_slot(key);
  }
}

TEST(Compiler, GivesTheBytesOfAFullCompileAndTheAnswersOfAFreshOne) {
  Random random(testing::seed_from_environment() + 2);
  int compiles = 0;
  for (int sequence = 0; sequence < kSequences; ++sequence) {
    Editor editor(random);
    model::Cluster cluster = testing::random_cluster(random);
    compile::LocalPods local;
    compile::Compiler compiler;
    compile::Numbers numbers;
    for (int edit = 0; edit < kEdits; ++edit, ++compiles) {
      SCOPED_TRACE(fmt::format("sequence {} edit {}", sequence, edit));
      const Revision revision{static_cast<std::uint64_t>(edit + 1)};
      compile::Numbers same_numbers = numbers;
      compile::Numbers no_numbers;
      const auto one = compiler.compile(cluster, local, revision, numbers);
      const auto full = compile::compile(cluster, local, revision, same_numbers);
      const auto fresh = compile::compile(cluster, local, revision, no_numbers);
      ASSERT_TRUE(one && full && fresh) << describe(cluster);
      expect_same_bytes(*one, *full);
      EXPECT_EQ(numbers.text(), same_numbers.text());
      EXPECT_EQ(answers(*one, numbers), answers(*fresh, no_numbers)) << describe(cluster);
      const auto verified = verify::verify(cluster, local, *one, {});
      ASSERT_TRUE(verified) << verified.error().text();
      ASSERT_FALSE(::testing::Test::HasFailure()) << describe(cluster);
      // As the agent does: what nothing names may be numbered anew.
      if (random() % 4 == 0) give_back_unused(*one, numbers);
      editor.edit(cluster, local);
    }
  }
  std::cout << compiles << " compiles\n";
}

// One verifier through all versions says what a new one says of each, whether its table is right or
// that of the version before; and it is through with it when it says that it is.
TEST(Verifier, SaysThroughVersionsWhatANewOneSays) {
  Random random(testing::seed_from_environment() + 3);
  using Until = verify::Verifier::Until;
  int refused = 0;
  for (int sequence = 0; sequence < kSequences; ++sequence) {
    Editor editor(random);
    model::Cluster cluster = testing::random_cluster(random);
    compile::LocalPods local;
    compile::Numbers numbers;
    verify::Verifier verifier;
    std::shared_ptr<const compile::CompiledTable> before;
    for (int edit = 0; edit < kEdits; ++edit) {
      SCOPED_TRACE(fmt::format("sequence {} edit {}", sequence, edit));
      const Revision revision{static_cast<std::uint64_t>(edit + 1)};
      const auto shared_cluster = std::make_shared<const model::Cluster>(cluster);
      const auto shared_local = std::make_shared<const compile::LocalPods>(local);
      auto made = compile::compile(cluster, local, revision, numbers);
      ASSERT_TRUE(made) << describe(cluster);
      const auto table = std::make_shared<const compile::CompiledTable>(std::move(*made));
      if (before) {
        const bool is_right = verify::verify(cluster, local, *before, {}).has_value();
        const bool is_accepted = verifier.follow({shared_cluster, shared_local, before}) &&
                                 verifier.step({}, Until::ChangeIsChecked);
        ASSERT_EQ(is_accepted, is_right) << describe(cluster);
        refused += is_right ? 0 : 1;
      }
      const Status taken = verifier.follow({shared_cluster, shared_local, table});
      ASSERT_TRUE(taken) << taken.error().text() << describe(cluster);
      const Status same = verifier.step({}, Until::EverythingIsChecked);
      ASSERT_TRUE(same) << same.error().text() << describe(cluster);
      ASSERT_TRUE(verifier.is_complete());
      ASSERT_EQ(verifier.report().ratio(), 1);
      verifier.put_off();
      before = table;
      editor.edit(cluster, local);
    }
  }
  std::cout << refused << " tables of the version before refused\n";
  EXPECT_GT(refused, kSequences);
}

}  // namespace
}  // namespace bulkhead
