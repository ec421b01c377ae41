// SPDX-License-Identifier: Apache-2.0
#include "policy/question/table_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/verify/verify.h"
#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::question {
namespace {

using oracle::cluster_of;
using oracle::policy;
using oracle::three_pods;

compile::CompiledTable compiled(const model::Cluster& cluster) {
  compile::Numbers numbers;
  return compile::compile(cluster, std::nullopt, Revision{7}, numbers).value();
}

model::Cluster closed_db() {
  return cluster_of(three_pods() + policy("{ingress: [{ports: [{port: 5432}]}]}"));
}

TEST(TableFile, GivesBackTheTableThatWasWritten) {
  const auto cluster = closed_db();
  const auto table = compiled(cluster);
  const auto read = read_table_file(write_table_file(table));
  ASSERT_TRUE(read.has_value()) << read.error().text();
  EXPECT_EQ(read->revision, Revision{7});
  EXPECT_EQ(read->addresses.size(), table.addresses.size());
  EXPECT_EQ(read->slots.size(), table.slots.size());
  EXPECT_EQ(write_table_file(*read), write_table_file(table));
  const auto report = verify::verify(cluster, std::nullopt, *read, {});
  ASSERT_TRUE(report.has_value()) << report.error().text();
  EXPECT_TRUE(report->is_complete());
  EXPECT_GT(report->checked, 0u);
}

TEST(TableFile, DoesNotVerifyAgainstOtherPolicies) {
  const auto read = read_table_file(write_table_file(compiled(closed_db()))).value();
  const auto other = cluster_of(three_pods() + policy("{ingress: [{ports: [{port: 5433}]}]}"));
  EXPECT_FALSE(verify::verify(other, std::nullopt, read, {}).has_value());
}

TEST(TableFile, KeepsPodsWithoutAddresses) {
  const auto cluster = cluster_of("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\n");
  const auto read = read_table_file(write_table_file(compiled(cluster)));
  ASSERT_TRUE(read.has_value()) << read.error().text();
  EXPECT_TRUE(read->pods.contains({"n", "a"}));
}

TEST(TableFile, RefusesEveryTruncation) {
  const auto bytes = write_table_file(compiled(closed_db()));
  const std::span<const std::byte> all(bytes);
  for (std::size_t size = 0; size < bytes.size(); size += size < 512 ? 1 : 97) {
    EXPECT_FALSE(read_table_file(all.first(size)).has_value()) << size;
  }
}

TEST(TableFile, RefusesEveryDamagedByteThatIsRead) {
  const auto bytes = write_table_file(compiled(closed_db()));
  std::size_t refused = 0, tried = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 13) {
    auto damaged = bytes;
    damaged[at] ^= std::byte{0x40};
    ++tried;
    const auto read = read_table_file(damaged);
    // Only the gaps between parts are nobody's.
    if (!read || write_table_file(*read) == bytes) ++refused;
  }
  EXPECT_EQ(refused, tried);
}

TEST(TableFile, RefusesWhatIsNoTable) {
  const std::string text(4096, 'x');
  const auto read = read_table_file(std::as_bytes(std::span(text)));
  ASSERT_FALSE(read.has_value());
  EXPECT_THAT(read.error().text(), testing::HasSubstr("is no policy table"));
}

}  // namespace
}  // namespace bulkhead::question
