// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/cli/command.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

namespace bulkhead::control::cli {
namespace {

TEST_F(CommandTest, CheckIsContentWithValidFiles) {
  const auto ended = bulkhead({"policy", "check", path()});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "valid: 2 files, 1 policy, 2 pods, 0 namespaces\n");
}

TEST_F(CommandTest, CheckNamesTheLineAndTheNearestField) {
  write("segment.yaml", kMisspelt);
  const auto ended = bulkhead({"policy", "check", path()});
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE(ended.out.find(path("segment.yaml") + ":6:5: "), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("\"from\""), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("not valid: 1 error, 1 broken of 2 files"), std::string::npos)
      << ended.out;
}

TEST_F(CommandTest, CheckWritesItsFindingsAsJson) {
  write("segment.yaml", kMisspelt);
  const auto ended = bulkhead({"policy", "check", path(), "-o", "json"});
  EXPECT_EQ(ended.status, 1);
  const auto json = ended.json();
  EXPECT_EQ(json["valid"], false);
  EXPECT_EQ(json["errors"][0]["file"], path("segment.yaml"));
  EXPECT_EQ(json["errors"][0]["line"], 6);
  EXPECT_EQ(json["errors"][0]["column"], 5);
  EXPECT_EQ(bulkhead({"policy", "check", path("pods.yaml"), "-o", "json"}).json()["valid"], true);
}

TEST_F(CommandTest, CheckFindsWhatOnlyShowsAcrossFiles) {
  write("again.yaml", kSegment);
  const auto ended = bulkhead({"policy", "check", path()});
  EXPECT_EQ(ended.status, 1);
  EXPECT_NE(ended.out.find("not valid: 1 error"), std::string::npos) << ended.out;
}

TEST_F(CommandTest, AMistypedPathIsNoValidPolicy) {
  for (const auto& wrong : {path("no-such.yaml"), path("empty")}) {
    std::filesystem::create_directory(folder_ / "empty");
    const auto ended = bulkhead({"policy", "check", wrong});
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find(wrong), std::string::npos) << ended.err;
  }
}

TEST_F(CommandTest, AMistypedCommandIsNamedBesideTheKnownOnes) {
  const auto ended = bulkhead({"policy", "chek", path()});
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.err.find("policy: there is no command 'chek'; there are check "), 0u)
      << ended.err;
  EXPECT_EQ(bulkhead({"polcy"}).err.find("bulkhead: there is no command 'polcy'; there are policy"),
            0u);
}

TEST_F(CommandTest, AMistypedOptionIsToldTheNearestOne) {
  const auto near = bulkhead({"policy", "explain", path(), "--form", "frontend/web"});
  EXPECT_EQ(near.status, 2);
  EXPECT_EQ(near.err, "explain: there is no option '--form'; did you mean --from?\n");
  const auto far = bulkhead({"policy", "check", path(), "--quarantine=now"});
  EXPECT_EQ(far.status, 2);
  EXPECT_EQ(far.err,
            "check: there is no option '--quarantine'; there are --help --output --config "
            "--default\n");
}

TEST_F(CommandTest, AFolderIsNoTableAndNoAssertions) {
  for (const char* command : {"verify", "assert"}) {
    const auto ended = bulkhead({"policy", command, path(), path()});
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(ended.err, "bulkhead: " + path() + ": is a folder; name a file\n");
  }
}

// A pipe whose first command failed gives nothing, which is no valid policy.
TEST_F(CommandTest, EmptyStandardInputIsAnError) {
  write("empty", " \n");
  const int saved = ::dup(STDIN_FILENO);
  ASSERT_NE(std::freopen(path("empty").c_str(), "r", stdin), nullptr);
  const auto ended = bulkhead({"policy", "check", "-"});
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(ended.err, "bulkhead: <stdin>: is empty: nothing was piped in\n");
  write("empty.yaml", "");  // a file that is empty says so on purpose
  EXPECT_EQ(bulkhead({"policy", "check", path("empty.yaml")}).status, 0);
}

TEST_F(CommandTest, APortBeyondTheLastIsToldItsRange) {
  const auto ended = bulkhead({"policy", "explain", path(), "--from", "frontend/web", "--to",
                               "backend/db", "--port", "99999"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.err.find("not in range 0 to 65535"), std::string::npos) << ended.err;
}

TEST_F(CommandTest, NeverLetsAFileDriveTheTerminal) {
  write("evil.yaml", "kind: \"\x1b]0;title\x07\"\n\x1b[2J: 1\n");
  const auto ended = bulkhead({"policy", "check", path()});
  for (const char c : ended.out + ended.err) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c <= 0x7e));
}

TEST_F(CommandTest, MatrixAnswersForEveryPairAndProbe) {
  const auto ended = bulkhead(
      {"policy", "matrix", "--probe", "TCP/3306", "--probe", "TCP/80", path(), "-o", "json"});
  ASSERT_EQ(ended.status, 0) << ended.err;
  std::map<std::string, std::string> verdicts;
  const auto json = ended.json();
  for (const auto& cell : json["cells"]) {
    verdicts[cell["from"].get<std::string>() + ">" + cell["to"].get<std::string>() + ":" +
             std::to_string(cell["port"].get<int>())] = cell["verdict"].get<std::string>();
  }
  EXPECT_EQ(verdicts.size(), 8u);
  EXPECT_EQ(verdicts["frontend/web>backend/db:3306"], "allow");
  EXPECT_EQ(verdicts["frontend/web>backend/db:80"], "deny");
  EXPECT_EQ(verdicts["backend/db>frontend/web:80"], "deny");
  EXPECT_EQ(verdicts["backend/db>backend/db:80"], "allow");
}

TEST_F(CommandTest, MatrixTakesTheDefaultFromTheCommandLineAndTheConfig) {
  const auto verdict = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"policy", "matrix", path("pods.yaml"), "--probe", "TCP/80",
                                   "-o",     "json"};
    words.insert(words.end(), more.begin(), more.end());
    const auto ended = bulkhead(words);
    EXPECT_EQ(ended.status, 0) << ended.err;
    const auto json = ended.json();
    for (const auto& cell : json["cells"]) {
      if (cell["from"] != cell["to"]) return cell["verdict"].get<std::string>();
    }
    return std::string("no cell");
  };
  write("config", "default: deny\n");
  write("open", "default: allow\n");
  EXPECT_EQ(verdict({}), "allow");
  EXPECT_EQ(verdict({"--default", "deny"}), "deny");
  EXPECT_EQ(verdict({"--config", path("config")}), "deny");
  EXPECT_EQ(verdict({"--config", path("open")}), "allow");
  EXPECT_EQ(verdict({"--config", path("config"), "--default", "allow"}), "allow");
}

TEST_F(CommandTest, MatrixAndExplainRefuseBrokenFiles) {
  write("segment.yaml", kMisspelt);
  for (const auto& ended : {bulkhead({"policy", "matrix", path(), "-o", "json"}),
                            bulkhead({"policy", "explain", path(), "--from", "frontend/web", "--to",
                                      "backend/db", "--port", "80"})}) {
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find(":6:5: "), std::string::npos);
  }
}

TEST_F(CommandTest, ExplainEndsByTheVerdict) {
  const auto explain = [&](const char* port) {
    return bulkhead({"policy", "explain", path(), "--from", "frontend/web", "--to", "backend/db",
                     "--protocol", "TCP", "--port", port, "-o", "json"});
  };
  const auto allowed = explain("3306");
  EXPECT_EQ(allowed.status, 0);
  EXPECT_EQ(allowed.json()["verdict"], "allow");
  EXPECT_EQ(allowed.json()["ingress"]["rule"], "Segment/backend/backend/ingress/0");
  const auto denied = explain("80");
  EXPECT_EQ(denied.status, 1);
  EXPECT_EQ(denied.json()["verdict"], "deny");
  EXPECT_EQ(denied.json()["ingress"]["rule"], "default/isolated");
}

TEST_F(CommandTest, ExplainRefusesQuestionsThatMakeNoSense) {
  const auto status = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"policy", "explain", path(), "--from", "frontend/web"};
    words.insert(words.end(), more.begin(), more.end());
    const auto ended = bulkhead(words);
    EXPECT_EQ(ended.out, "");
    return ended.status;
  };
  EXPECT_EQ(status({"--to", "backend/db"}), 2);  // no port
  EXPECT_EQ(status({"--to", "backend/db", "--port", "70000"}), 2);
  EXPECT_EQ(status({"--to", "backend/db", "--protocol", "tcpp", "--port", "1"}), 2);
  EXPECT_EQ(status({"--to", "backend/db", "--protocol", "ICMP", "--port", "1"}), 2);
  EXPECT_EQ(status({"--to", "backend/no-such", "--port", "1"}), 2);
  EXPECT_EQ(status({"--port", "1"}), 2);
}

TEST_F(CommandTest, UsageErrorsEndWith2AndHelpWith0) {
  EXPECT_EQ(bulkhead({}).status, 2);
  EXPECT_EQ(bulkhead({"no-such"}).status, 2);
  EXPECT_EQ(bulkhead({"policy"}).status, 2);
  EXPECT_EQ(bulkhead({"policy", "check"}).status, 2);
  EXPECT_EQ(bulkhead({"policy", "check", path(), "-o", "xml"}).status, 2);
  EXPECT_EQ(bulkhead({"policy", "matrix", path(), "--probe", "80"}).status, 2);
  EXPECT_EQ(bulkhead({"policy", "matrix", path(), "--external", "10.0.0.0"}).status, 2);
  EXPECT_EQ(bulkhead({"status", "--no-such"}).status, 2);
  EXPECT_EQ(bulkhead({"quarantine", "no-slash", "--root", path()}).status, 2);
  for (const char* command : {"status", "endpoints", "flows", "quarantine", "release"}) {
    const auto ended = bulkhead({command, "--help"});
    EXPECT_EQ(ended.status, 0);
    EXPECT_NE(ended.out.find("Example: bulkhead " + std::string(command)), std::string::npos);
  }
  for (const char* command : {"check", "matrix", "explain"}) {
    const auto ended = bulkhead({"policy", command, "--help"});
    EXPECT_EQ(ended.status, 0);
    EXPECT_NE(ended.out.find("Example: bulkhead policy " + std::string(command)),
              std::string::npos);
  }
}

TEST_F(CommandTest, NamesTheSocketOfAnAgentThatIsNotThere) {
  for (const char* command : {"status", "endpoints", "flows"}) {
    const auto ended = bulkhead({command, "--root", path(), "-o", "json"});
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(ended.out, "");
    EXPECT_NE(ended.err.find(path("run/bulkhead/agent.sock")), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("bulkhead-agent"), std::string::npos);
  }
}

}  // namespace
}  // namespace bulkhead::control::cli
