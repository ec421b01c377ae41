// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "control/cli/completion.h"
#include "tests/unit/control/cli/command.h"

namespace bulkhead::control::cli {
namespace {

constexpr const char* kWider = R"(apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: backend, namespace: backend}
spec:
  ingress:
  - from: [{namespace: frontend, pods: {app: web}}]
    ports: [TCP/3306, UDP/53]
)";
constexpr const char* kAssertions = R"(apiVersion: bulkhead.io/v1alpha1
kind: Assertions
metadata: {name: demo}
spec:
  assertions:
  - only: {from: {namespace: frontend}, to: {namespace: backend}, ports: [TCP/3306]}
)";

TEST_F(CommandTest, CompileWritesATableThatVerifies) {
  const auto compiled = bulkhead({"policy", "compile", path(), "--out", path("t.table")});
  EXPECT_EQ(compiled.status, 0) << compiled.err;
  const auto equal = bulkhead({"policy", "verify", path("t.table"), path(), "-o", "json"});
  EXPECT_EQ(equal.status, 0) << equal.err;
  EXPECT_TRUE(equal.json().at("equal").get<bool>());
  EXPECT_GT(equal.json().at("checked").get<int>(), 0);
  EXPECT_EQ(equal.json().at("pairs"), equal.json().at("checked"));
}

TEST_F(CommandTest, VerifyTellsAMismatchFromGarbage) {
  ASSERT_EQ(bulkhead({"policy", "compile", path(), "--out", path("t.table")}).status, 0);
  write("segment.yaml", kWider);
  const auto other = bulkhead({"policy", "verify", path("t.table"), path()});
  EXPECT_EQ(other.status, 1);
  EXPECT_EQ(other.out.rfind("NOT EQUAL: ", 0), 0u) << other.out;
  write("t.table", "nonsense");
  EXPECT_EQ(bulkhead({"policy", "verify", path("t.table"), path()}).status, 2);
  EXPECT_EQ(bulkhead({"policy", "verify", path("none"), path()}).status, 2);
  EXPECT_EQ(bulkhead({"policy", "compile", path(), "--out", path("no/folder")}).status, 2);
}

TEST_F(CommandTest, DiffNamesTheChangeAndEndsAsAsked) {
  const std::string pods = path("pods.yaml");
  const auto text = bulkhead({"policy", "diff", pods, path()});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("frontend/web -> backend/db"), std::string::npos) << text.out;
  EXPECT_EQ(bulkhead({"policy", "diff", pods, path(), "--exit-code"}).status, 1);
  EXPECT_EQ(bulkhead({"policy", "diff", path(), path(), "--exit-code"}).status, 0);
  EXPECT_EQ(bulkhead({"policy", "diff", path("none"), path()}).status, 2);
  const auto json = bulkhead({"policy", "diff", pods, path(), "-o", "json"}).json();
  EXPECT_FALSE(json.at("pairs").empty());
  EXPECT_TRUE(json.at("new_pods").empty());
}

TEST_F(CommandTest, LintEndsWithOneOnFindings) {
  const auto found = bulkhead({"policy", "lint", path()});
  EXPECT_EQ(found.status, 1);
  EXPECT_NE(found.out.find("warning BL005: Namespace/frontend"), std::string::npos) << found.out;
  EXPECT_EQ(bulkhead({"policy", "lint", path(), "--default", "deny"}).status, 0);
  write("segment.yaml", kMisspelt);
  EXPECT_EQ(bulkhead({"policy", "lint", path()}).status, 2);
}

TEST_F(CommandTest, LintAndCheckSpeakSarif) {
  const auto lint = bulkhead({"policy", "lint", path(), "-o", "sarif"}).json();
  EXPECT_EQ(lint.at("version"), "2.1.0");
  const auto& run = lint.at("runs").at(0);
  EXPECT_EQ(run.at("tool").at("driver").at("name"), "bulkhead");
  EXPECT_EQ(run.at("results").at(0).at("ruleId"), "BL005");
  write("segment.yaml", kMisspelt);
  const auto ended = bulkhead({"policy", "check", path(), "-o", "sarif"});
  EXPECT_EQ(ended.status, 1);
  const auto log = ended.json();
  const auto& result = log.at("runs").at(0).at("results").at(0);
  EXPECT_EQ(result.at("ruleId"), "BC001");
  const auto& place = result.at("locations").at(0).at("physicalLocation");
  EXPECT_EQ(place.at("artifactLocation").at("uri"), "file://" + path("segment.yaml"));
  EXPECT_EQ(place.at("region").at("startLine"), 6);
  EXPECT_EQ(bulkhead({"policy", "matrix", path(), "-o", "sarif"}).status, 2);
}

TEST_F(CommandTest, AssertProvesOrRefutesWithAWitness) {
  // Not in the folder that is read as policies.
  std::filesystem::create_directory(path(".hidden"));
  write(".hidden/a.yaml", kAssertions);
  const std::string file = path(".hidden/a.yaml");
  const auto proven = bulkhead({"policy", "assert", file, path()});
  EXPECT_EQ(proven.status, 0) << proven.out << proven.err;
  const auto refuted = bulkhead({"policy", "assert", file, path("pods.yaml"), "-o", "json"});
  EXPECT_EQ(refuted.status, 1);
  const auto json = refuted.json();
  const auto& one = json.at("assertions").at(0);
  EXPECT_EQ(one.at("outcome"), "refuted");
  EXPECT_EQ(one.at("witness").at("to"), "backend/db");
  EXPECT_EQ(one.at("line"), 6);
  write(".hidden/a.yaml", "kind: Pod\n");
  EXPECT_EQ(bulkhead({"policy", "assert", file, path()}).status, 2);
}

TEST_F(CommandTest, CompletionNamesCommandsAndOptions) {
  const auto ended = bulkhead({"completion", "bash"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_NE(ended.out.find("\"bulkhead policy diff\") words=\""), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("--exit-code"), std::string::npos);
  EXPECT_NE(bulkhead({"completion", "zsh"}).out.find("bashcompinit"), std::string::npos);
  EXPECT_EQ(bulkhead({"completion", "fish"}).status, 2);
}

}  // namespace
}  // namespace bulkhead::control::cli
