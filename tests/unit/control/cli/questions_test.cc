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

std::string flow_line(const char* time, const char* verdict, int port) {
  return std::string(R"({"time":")") + time + R"(","event":"new","verdict":")" + verdict +
         R"(","reason":"none","source":{"namespace":"frontend","pod":"web","ip":"10.0.0.1",)"
         R"("port":40000},"destination":{"namespace":"backend","pod":"db","ip":"10.0.0.2","port":)" +
         std::to_string(port) + R"(},"protocol":"TCP","rule":""})" + "\n";
}

TEST_F(CommandTest, SuggestWritesPoliciesThatCheckAndAllowWhatWasSeen) {
  write("flows.jsonl", flow_line("2026-01-01T00:00:00.5Z", "allow", 3306));
  const auto ended =
      bulkhead({"policy", "suggest", path("pods.yaml"), "--flows", path("flows.jsonl")});
  ASSERT_EQ(ended.status, 0) << ended.err;
  EXPECT_NE(ended.err.find("1 of 1 recorded flows are allowed"), std::string::npos) << ended.err;
  write("segment.yaml", ended.out);
  EXPECT_EQ(bulkhead({"policy", "check", path("segment.yaml")}).status, 0);
  const auto explain = [&](const char* port) {
    return bulkhead({"policy", "explain", path("pods.yaml"), path("segment.yaml"), "--from",
                     "frontend/web", "--to", "backend/db", "--port", port})
        .status;
  };
  EXPECT_EQ(explain("3306"), 0);
  EXPECT_EQ(explain("3307"), 1);
}

TEST_F(CommandTest, SuggestTakesFlowsSinceATime) {
  write("flows.jsonl", flow_line("2026-01-01T00:00:00.5Z", "allow", 80) +
                           flow_line("2026-01-02T00:00:00.123456789Z", "allow", 81));
  const auto records = [&](const char* since) {
    const auto ended = bulkhead({"policy", "suggest", path("pods.yaml"), "--flows",
                                 path("flows.jsonl"), "--since", since, "-o", "json"});
    return ended.status == 0 ? ended.json()["flows"]["records"].get<int>() : -ended.status;
  };
  EXPECT_EQ(records("2026-01-01T00:00:00Z"), 2);
  EXPECT_EQ(records("2026-01-01T00:00:01Z"), 1);
  EXPECT_EQ(records("2026-01-03T00:00:00Z"), -2);
  EXPECT_EQ(records("100000d"), 2);
  EXPECT_EQ(records("yesterday"), -2);
}

TEST_F(CommandTest, SuggestRefusesALogThatIsNone) {
  const std::string good = flow_line("2026-01-01T00:00:00Z", "allow", 80);
  const auto suggest = [&](const std::string& text) {
    write("flows.jsonl", text);
    return bulkhead({"policy", "suggest", path("pods.yaml"), "--flows", path("flows.jsonl")});
  };
  const auto broken = suggest(good + "nonsense\n" + good);
  EXPECT_EQ(broken.status, 2);
  EXPECT_NE(broken.err.find("flows.jsonl:2: no flow record"), std::string::npos) << broken.err;
  EXPECT_EQ(broken.out, "");
  EXPECT_EQ(suggest(good + good.substr(0, 40)).status, 0);  // still being written
  EXPECT_EQ(suggest("").status, 2);
  EXPECT_EQ(suggest(flow_line("2026-01-01T00:00:00Z", "deny", 80)).status, 2);
  const auto status = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"policy", "suggest", path("pods.yaml")};
    words.insert(words.end(), more.begin(), more.end());
    return bulkhead(words).status;
  };
  write("flows.jsonl", good);
  EXPECT_EQ(status({"--flows", path("none")}), 2);
  EXPECT_EQ(status({"--flows", path("flows.jsonl"), "-n", "nowhere"}), 2);
  EXPECT_EQ(status({"--flows", path("flows.jsonl"), "--prefix4", "33"}), 2);
  EXPECT_EQ(status({"--root", path()}), 2);  // no agent there
}

// Bash itself says what it would offer behind these words.
TEST_F(CommandTest, CompletionOffersTheValuesOfAnOption) {
  write("script", bulkhead({"completion", "bash"}).out);
  const auto offered = [&](const std::string& words) {
    const std::string line =
        "source " + path("script") + "; COMP_WORDS=(" + words +
        "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _bulkhead; echo \"${COMPREPLY[*]}\" > " +
        path("offered");
    EXPECT_EQ(std::system(("bash -c '" + line + "'").c_str()), 0);
    std::ifstream stream(path("offered"));
    std::string text;
    std::getline(stream, text);
    return text;
  };
  EXPECT_EQ(offered("bulkhead policy check --output \"\""), "text json sarif");
  EXPECT_EQ(offered("bulkhead policy matrix -o j"), "json");
  EXPECT_EQ(offered("bulkhead policy explain some/folder --family \"\""), "4 6");
  EXPECT_EQ(offered("bulkhead flows --verdict a"), "allow");
  EXPECT_EQ(offered("bulkhead completion \"\""), "bash zsh");
  EXPECT_EQ(offered("bulkhead policy ex"), "explain");
  EXPECT_EQ(offered("bulkhead policy explain --fa"), "--family");
  EXPECT_EQ(offered("bulkhead policy check some"), "");
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
