// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/numbers.h"

#include <gmock/gmock.h>

namespace bulkhead::compile {
namespace {

TEST(Numbers, GivesTheLowestFreeNumberAndKeepsIt) {
  Numbers numbers;
  EXPECT_EQ(numbers.identity("a"), kFirstDynamicIdentity);
  EXPECT_EQ(numbers.identity("b").value, kFirstDynamicIdentity.value + 1);
  EXPECT_EQ(numbers.identity("a"), kFirstDynamicIdentity);
  numbers.release_identity("a");
  EXPECT_EQ(numbers.identity("c"), kFirstDynamicIdentity);
  EXPECT_EQ(numbers.identity("a").value, kFirstDynamicIdentity.value + 2);
  EXPECT_EQ(numbers.slot("rule"), CounterSlot{1});
}

TEST(Numbers, SurviveATextWithHolesAndOddKeys) {
  Numbers numbers;
  (void)numbers.identity("one");
  (void)numbers.identity("two words\n%and a line");
  (void)numbers.identity("three");
  (void)numbers.slot("NetworkPolicy/db/p/ingress/0|ingress|allow|enforced");
  numbers.release_identity("one");
  auto read = Numbers::parse(numbers.text());
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->identities(), numbers.identities());
  EXPECT_EQ(read->slots(), numbers.slots());
  EXPECT_EQ(read->identity("new"), kFirstDynamicIdentity);
  EXPECT_EQ(read->slot("new"), CounterSlot{2});
}

TEST(Numbers, ChangesBehindATextLeadToWhatTheyWereTakenFrom) {
  Numbers numbers;
  (void)numbers.identity("before anybody asked");
  const std::string text = numbers.text();
  numbers.keep_changes();
  (void)numbers.identity("a b");
  (void)numbers.slot("rule");
  numbers.release_identity("before anybody asked");
  numbers.release_identity("nobody");
  (void)numbers.identity("c");
  numbers.release_slot("rule");
  std::string journal = text;
  for (const auto& change : numbers.take_changes()) journal += Numbers::line_of(change);
  EXPECT_THAT(numbers.take_changes(), testing::IsEmpty());
  auto read = Numbers::parse(journal);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->identities(), numbers.identities());
  EXPECT_EQ(read->slots(), numbers.slots());
  EXPECT_EQ(read->identity("d"), numbers.identity("d"));
}

TEST(Numbers, RefusesDamagedTexts) {
  for (const char* text :
       {"identity 16 a", "identity 3 a\n", "slot 0 a\n", "identity x a\n",
        "identity 16 a\nidentity 16 b\n", "identity 16 a\nidentity 17 a\n", "other 16 a\n",
        "identity 16\n", "free-identity 16 a\n", "identity 16 a\nfree-identity 17 a\n",
        "free-other 1 a\n", "slot 1 %zz\n", "slot 1 %0\n", "slot 4000000000 a\n", "\n"}) {
    EXPECT_FALSE(Numbers::parse(text)) << text;
  }
  EXPECT_TRUE(Numbers::parse(""));
}

}  // namespace
}  // namespace bulkhead::compile
