// SPDX-License-Identifier: Apache-2.0
#include "control/state/store.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace bulkhead::control::state {
namespace {

using source::Change;
using source::ChangeKind;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

std::string policy(const std::string& space, const std::string& name) {
  return fmt::format(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
      "metadata: {{name: {}, namespace: {}}}\nspec: {{podSelector: {{}}}}\n---\n",
      name, space);
}
std::string pod(const std::string& space, const std::string& name, const std::string& ip) {
  return fmt::format(
      "apiVersion: v1\nkind: Pod\nmetadata: {{name: {}, namespace: {}}}\n"
      "spec: {{containers: [{{name: c}}]}}\nstatus: {{podIP: {}, podIPs: [{{ip: {}}}]}}\n---\n",
      name, space, ip, ip);
}
// A misspelt field in an object whose namespace can be told.
std::string broken(const std::string& space) {
  return fmt::format(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
      "metadata: {{name: typo, namespace: {}}}\nspec: {{podSelektor: {{}}}}\n",
      space);
}
constexpr auto kGarbage = "{{{ not yaml";

Change present(const std::string& unit, const std::string& text) {
  auto content = std::make_shared<source::Content>();
  content->text = text;
  content->parsed = parse::parse_file_text(unit, text);
  return {ChangeKind::Present, unit, content};
}
Change vanishing(const std::string& unit) { return {ChangeKind::Vanishing, unit, nullptr}; }
Change gone(const std::string& unit) { return {ChangeKind::Gone, unit, nullptr}; }

std::vector<std::string> policies(const Store& store) {
  std::vector<std::string> ids;
  for (const auto& [id, item] : store.accepted().policies) ids.push_back(item->id());
  return ids;
}
std::vector<std::string> errors(const Store& store) {
  std::vector<std::string> texts;
  for (const auto& unit : store.broken()) {
    for (const auto& error : unit.errors) texts.push_back(error.text());
  }
  return texts;
}

TEST(Store, ABrokenFileIsServedByItsLastAcceptedObjects) {
  Store store;
  store.apply({present("a.yaml", policy("db", "one"))});
  const auto written = store.apply({present("a.yaml", broken("db"))});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one"));
  EXPECT_THAT(written, IsEmpty());
  EXPECT_THAT(store.accepted().closed_namespaces, IsEmpty());
  EXPECT_FALSE(store.accepted().blocked);
  EXPECT_THAT(errors(store), Contains(testing::StartsWith("a.yaml:4:")));
}

TEST(Store, ABrokenFileDoesNotHoldUpOthers) {
  Store store;
  store.apply({present("a.yaml", policy("db", "one"))});
  store.apply({present("a.yaml", kGarbage), present("b.yaml", policy("web", "two"))});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one", "NetworkPolicy/web/two"));
  EXPECT_FALSE(store.accepted().blocked);
}

TEST(Store, ABrokenFileThatWasNeverAcceptedClosesItsNamespaces) {
  Store store;
  store.apply({present("a.yaml", broken("db"))});
  EXPECT_THAT(store.accepted().closed_namespaces, ElementsAre("db"));
  EXPECT_FALSE(store.accepted().blocked);
  store.apply({present("a.yaml", policy("db", "typo"))});
  EXPECT_THAT(store.accepted().closed_namespaces, IsEmpty());
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/typo"));
}

TEST(Store, AnUnreadableFileThatWasNeverAcceptedBlocksPublishingUntilItGoes) {
  Store store;
  store.apply({present("a.yaml", kGarbage)});
  ASSERT_TRUE(store.accepted().blocked);
  EXPECT_THAT(*store.accepted().blocked, testing::HasSubstr("a.yaml"));
  store.apply({vanishing("a.yaml")});
  EXPECT_TRUE(store.accepted().blocked);
  store.apply({gone("a.yaml")});
  EXPECT_FALSE(store.accepted().blocked);
}

TEST(Store, RestoresTheLastAcceptedObjectsOfAFileThatIsBrokenAtStart) {
  Store store;
  store.restore("a.yaml", policy("db", "one"));
  store.apply({present("a.yaml", kGarbage)});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one"));
  EXPECT_FALSE(store.accepted().blocked);
  EXPECT_THAT(errors(store), testing::Not(IsEmpty()));
}

TEST(Store, TellsDiskOnlyWhatChanged) {
  Store store;
  const auto first = store.apply({present("a.yaml", policy("db", "one"))});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].text, policy("db", "one"));
  EXPECT_THAT(store.apply({present("a.yaml", policy("db", "one"))}), IsEmpty());
  const auto last = store.apply({gone("a.yaml")});
  ASSERT_EQ(last.size(), 1u);
  EXPECT_FALSE(last[0].text);
}

TEST(Store, AnObjectInForceIsNotTakenOverByASecondFile) {
  Store store;
  store.apply({present("b.yaml", policy("db", "one"))});
  store.apply({present("a.yaml", policy("db", "one") + policy("db", "two"))});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one"));
  EXPECT_THAT(errors(store), Contains(testing::HasSubstr("already held by b.yaml")));
  store.apply({present("b.yaml", policy("db", "three"))});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one", "NetworkPolicy/db/three",
                                           "NetworkPolicy/db/two"));
  EXPECT_THAT(errors(store), IsEmpty());
}

TEST(Store, ARenamedFileNeverLosesItsObjects) {
  Store store;
  store.apply({present("a.yaml", policy("db", "one"))});
  store.apply({vanishing("a.yaml"), present("b.yaml", policy("db", "one"))});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one"));
  EXPECT_THAT(errors(store), IsEmpty());
  store.apply({gone("a.yaml")});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one"));
}

TEST(Store, AVanishingFileStaysInForceUntilItIsGone) {
  Store store;
  store.apply({present("a.yaml", policy("db", "one"))});
  store.apply({vanishing("a.yaml")});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one"));
  store.apply({gone("a.yaml")});
  EXPECT_THAT(policies(store), IsEmpty());
}

TEST(Store, OneAddressBelongsToOneLivePod) {
  Store store;
  store.apply({present("a.yaml", pod("db", "a", "10.88.0.1"))});
  store.apply({present("b.yaml", pod("db", "b", "10.88.0.1"))});
  EXPECT_EQ(store.accepted().pods.size(), 1u);
  EXPECT_THAT(errors(store), Contains(testing::HasSubstr("address 10.88.0.1")));
}

TEST(Store, AFileThatContradictsItselfIsBroken) {
  Store store;
  store.apply({present("a.yaml", policy("db", "one"))});
  store.apply({present("a.yaml", policy("db", "two") + policy("db", "two"))});
  EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one"));
  EXPECT_THAT(errors(store), testing::Not(IsEmpty()));
}

// Scenario: whatever order independent changes come in, and however often, the end is the same.
TEST(Store, EndsTheSameForEveryOrderAndRepetitionOfIndependentChanges) {
  std::vector<Change> changes = {
      present("a.yaml", policy("db", "one")), present("b.yaml", broken("web")),
      present("c.yaml", policy("web", "two")), present("d.yaml", pod("db", "a", "fd88::1"))};
  std::vector<std::size_t> order = {0, 1, 2, 3};
  do {
    Store store;
    for (const auto index : order) {
      store.apply({changes[index]});
      store.apply({changes[index], changes[order[0]]});
    }
    const Accepted accepted = store.accepted();
    EXPECT_THAT(policies(store), ElementsAre("NetworkPolicy/db/one", "NetworkPolicy/web/two"));
    EXPECT_THAT(accepted.closed_namespaces, ElementsAre("web"));
    EXPECT_EQ(accepted.pods.size(), 1u);
    EXPECT_EQ(store.rejections(), 1u);
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace bulkhead::control::state
