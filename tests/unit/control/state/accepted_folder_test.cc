// SPDX-License-Identifier: Apache-2.0
#include "control/state/accepted_folder.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace bulkhead::control::state {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(AcceptedFolder, KeepsTheLastTextOfEachUnit) {
  const TemporaryFolder root;
  const auto folder = AcceptedFolder::open(root.path() / "accepted");
  ASSERT_TRUE(folder);
  ASSERT_TRUE(folder->write({{"a.yaml", "1"}, {"../x/b%.yaml", "2"}, {"c.yaml", "3"}}));
  ASSERT_TRUE(folder->write({{"a.yaml", "4"}, {"c.yaml", "5"}, {"c.yaml", std::nullopt}}));
  // What a crash left of a file that was being written.
  std::ofstream(root.path() / "accepted" / "a%2eyaml.17~") << "half";
  EXPECT_THAT(folder->load().value(), ElementsAre(Pair("../x/b%.yaml", "2"), Pair("a.yaml", "4")));
  EXPECT_FALSE(std::filesystem::exists(root.path() / "accepted" / "a%2eyaml.17~"));

  ASSERT_TRUE(folder->write(
      {{"a.yaml", std::nullopt}, {"../x/b%.yaml", std::nullopt}, {"never.yaml", std::nullopt}}));
  EXPECT_THAT(folder->load().value(), IsEmpty());
}

}  // namespace
}  // namespace bulkhead::control::state
