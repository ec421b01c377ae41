// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "policy/parse/text_check.h"
#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Status read_tree(std::string_view text, const Limits& limits = {}) {
  return read_documents(text, limits, [](const Node&) {});
}

Node tree(std::string_view text) {
  Node out;
  const auto status = read_documents(text, {}, [&](const Node& node) { out = node; });
  EXPECT_TRUE(status.has_value()) << status.error().text();
  return out;
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

TEST(Yaml, KeepsPlacesAndQuoting) {
  const Node root = tree("a: 1\nb:\n  - 'x'\n  - y\n");
  ASSERT_TRUE(root.is_map());
  const Node* b = root.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_FALSE(b->items[0].is_plain);
  EXPECT_TRUE(b->items[1].is_plain);
  EXPECT_EQ(b->items[1].line, 4u);
  EXPECT_EQ(b->items[1].column, 5u);
  EXPECT_EQ(root.keys[1].line, 2u);
}

TEST(Yaml, ReadsJson) {
  const Node root = tree("{\n\t\"a\": {\"b\": [1, \"t\\u0041\\/\", null, true]}}\n");
  const Node* list = root.find("a")->find("b");
  ASSERT_EQ(list->items.size(), 4u);
  EXPECT_EQ(list->items[1].scalar, "tA/");
  EXPECT_TRUE(list->items[2].is_null());
}

TEST(Yaml, RefusesRepeatedKeysNamingBothPlaces) {
  const auto status = read_tree("a: 1\nb: 2\na: 3\n");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().where, "3:1");
  EXPECT_THAT(status.error().message, HasSubstr("\"a\" is repeated (first at 1:1)"));
  EXPECT_FALSE(read_tree("{\"a\": 1, \"a\": 1}"));
}

TEST(Yaml, RefusesRepeatedKeysOfLargeMaps) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("k{}: v\n", i);
  EXPECT_TRUE(read_tree(text));
  for (const char* repeated_key : {"k0: w\n", "k15: w\n", "k16: w\n", "k99: w\n"}) {
    EXPECT_FALSE(read_tree(text + repeated_key)) << repeated_key;
  }
}

TEST(Yaml, ExpandsAliases) {
  const Node root = tree("a: &x {k: v}\nb: *x\n");
  ASSERT_NE(root.find("b"), nullptr);
  EXPECT_EQ(root.find("b")->find("k")->scalar, "v");
}

TEST(Yaml, RefusesAnAliasInsideItsOwnAnchor) { EXPECT_FALSE(read_tree("a: &x [*x]\n")); }

TEST(Yaml, RefusesTagsButStrings) {
  EXPECT_TRUE(read_tree("a: !!str 1\n"));
  EXPECT_FALSE(tree("a: !!str 1\n").find("a")->is_plain_non_string());
  for (const char* text : {"a: !!binary aGk=\n", "a: !mine 1\n", "a: !!python/object {}\n"}) {
    EXPECT_FALSE(read_tree(text)) << text;
  }
}

TEST(Yaml, BoundsNodesDepthScalarsDocumentsAndAliases) {
  Limits limits;
  limits.nodes = 10;
  EXPECT_TRUE(read_tree("[1, 2, 3, 4, 5, 6, 7, 8, 9]", limits));
  EXPECT_FALSE(read_tree("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", limits));
  limits = {};
  limits.depth = 3;
  EXPECT_TRUE(read_tree("[[[1]]]", limits));
  EXPECT_FALSE(read_tree("[[[[1]]]]", limits));
  EXPECT_FALSE(read_tree("a:\n b:\n  c:\n   d: 1\n", limits));
  EXPECT_FALSE(read_tree("[&a [1], [[*a]]]", limits));
  limits = {};
  limits.scalar_bytes = 3;
  EXPECT_TRUE(read_tree("abc", limits));
  EXPECT_FALSE(read_tree("abcd", limits));
  limits = {};
  limits.documents = 2;
  EXPECT_TRUE(read_tree("---\na\n---\nb\n", limits));
  EXPECT_FALSE(read_tree("---\na\n---\nb\n---\nc\n", limits));
  limits = {};
  limits.aliased = 2;
  EXPECT_TRUE(read_tree("[&a 1, *a]", limits));
  EXPECT_FALSE(read_tree("[&a 1, *a, *a]", limits));
}

TEST(Yaml, RefusesAQuoteThatNeverCloses) {
  for (const char* text :
       {"a: \"x\ny: z\n", "a: 'x\ny: z\n", "a: &b \"x\n", "a: !!str 'x''\n", "a: \"x\\\"\n",
        "\xef\xbb\xbf"
        "a: \"x\n",
        "a: [b\n", "a: {b: c\n"}) {
    EXPECT_FALSE(read_tree(text)) << text;
  }
  for (const char* text :
       {"a: \"x\n y\"\n", "a: 'x''y'\n", "a: &b \"x\"\n", "a: |\n  \"x\n", "a: \"x\\\\\"\n",
        "\xef\xbb\xbf"
        "a: \"x\"\n",
        "\xc3\xa9: 'x'\n"}) {
    EXPECT_TRUE(read_tree(text)) << text;
  }
}

// Each bomb must end in one error, soon.
TEST(Yaml, RefusesWhatBeginsNoDocument) {
  for (const std::string text : {" ,\"e {g", ",", "a: b\n---\n]"}) {
    const auto tree = read_tree(text);
    ASSERT_FALSE(tree) << text;
    EXPECT_THAT(tree.error().text(), testing::HasSubstr("not valid YAML")) << text;
  }
  // Documents that hold nothing stand in places of their own.
  int documents = 0;
  const auto status = read_documents("---\n---\n---\n", {}, [&](const Node&) { ++documents; });
  EXPECT_TRUE(status) << status.error().text();
  EXPECT_EQ(documents, 3);
}

TEST(Yaml, WhatTheLibrarySaysIsPrintable) {
  // It quotes the character it stumbled over: here its own mark of the end, and half a letter.
  for (const std::string text : {"{\"\\", "a: \"\\\xc3\xa9\"\n"}) {
    const auto tree = read_tree(text);
    ASSERT_FALSE(tree);
    EXPECT_THAT(tree.error().message, HasSubstr("\\x"));
    EXPECT_TRUE(std::ranges::all_of(tree.error().message,
                                    [](unsigned char c) { return c >= 0x20 && c < 0x7f; }));
  }
}

TEST(Yaml, RefusesBombsQuickly) {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    laughs += fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n",
                          i, i - 1);
  }
  std::string steps;
  for (std::size_t i = 0; i < 1000; ++i) steps += std::string(i, ' ') + "a:\n";
  const std::pair<const char*, std::string> bombs[] = {
      {"billion laughs", laughs},
      {"open brackets", std::string(1 << 20, '[')},
      {"open braces", std::string(1 << 20, '{')},
      {"dashes", repeated("- ", 1 << 19)},
      {"question marks", repeated("? ", 1 << 19)},
      {"steps", steps},
      {"open quote", "\"" + std::string(1 << 20, 'x')},
      {"exclamation marks", std::string(1 << 20, '!')},
      {"ampersands", repeated("&a ", 1 << 18)},
      {"colons", repeated(": ", 1 << 19)},
      {"brackets and colons", repeated("[:", 1 << 19)},
      {"one key again and again", "{" + repeated("a,", 1 << 19) + "}"},
      {"quote over lines", "a: \"" + repeated("x\n ", 1 << 18)},
      {"single quote over lines", "a: '" + repeated("x\n ", 1 << 18)},
      {"tags", repeated("!a ", 1 << 18)},
      {"aliases", repeated("*a ", 1 << 18)},
      {"long plain scalar", "a: " + std::string(1 << 20, 'x')},
      {"block scalar", "a: |\n" + repeated(" x\n", 1 << 18)},
      {"blank lines", "a:" + std::string(1 << 20, '\n')},
      {"list that never closes", "a: [" + repeated("b,", 1 << 19)},
      {"list over lines that never closes", "a: [" + repeated("b,\n", 1 << 18)},
      {"map that never closes", "{" + repeated("\"b\": c, \n", 1 << 17)},
      {"lists in a list that never closes", "a: [" + repeated("[],", 1 << 18)},
      {"repeated keys", repeated("k: v\n", 1 << 18)},
      {"scalar of 11 MiB", "{\"a\": \"" + std::string(11 << 20, 'x') + "\"}"},
      {"nested 100,000 deep", "{\"a\": " + std::string(100'000, '[') + "}"},
  };
  for (const auto& [name, text] : bombs) {
    const auto start = std::clock();
    const auto status = read_tree(text);
    const auto seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    EXPECT_FALSE(status) << name;
    // Of the processor's time, not the clock's: below 0.1 s built for release, ten times that under
    // a sanitizer.
    EXPECT_LT(seconds, 2) << name;
  }
}

// Each value inside an open bracket is no progress: the work ends long before the file does.
TEST(Yaml, GivesAnOpenBracketUpSoon) {
  const auto status = read_tree("x: y\na: [" + repeated("b,", 1 << 19));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("is a quote or a bracket left open?"));
  EXPECT_EQ(status.error().where, "2:4");
}

TEST(Yaml, ReadsLargeJsonDocumentsOneAfterTheOther) {
  std::string json = "{\"items\": [1";
  for (int i = 0; i < 20'000; ++i) json += fmt::format(", {{\"some key\": \"value {}\"}}", i);
  std::vector<Node> roots;
  const auto keep = [&](const Node& root) { roots.push_back(root); };
  ASSERT_TRUE(
      read_documents("---\n" + json + "]}\n---\n" + json + "]}\n---\n{a: 1}\n---\n", {}, keep));
  ASSERT_EQ(roots.size(), 3u);
  EXPECT_EQ(roots[0].line, 2u);
  EXPECT_EQ(roots[1].line, 4u);
  EXPECT_EQ(roots[2].keys[0].line, 6u);
  EXPECT_EQ(roots[2].keys[0].column, 2u);
}

TEST(Yaml, NamesTheLineOfABrokenDocumentAmongJsonOnes) {
  const auto status = read_tree("{\"a\": 1}\n---\n{\"a\": 1,\n \"a\": 2}\n");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().where, "4:2");
  const auto flow = read_tree("{\"a\": 1}\n---\n{a: 1,\n a: 2}\n");
  ASSERT_FALSE(flow);
  EXPECT_EQ(flow.error().where, "4:2");
}

TEST(Yaml, ReadsLargeFilesOfSmallValues) {
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += fmt::format("key-{}: a value of some length\n", i);
  ASSERT_GT(lines.size(), std::size_t{512} << 10);
  EXPECT_TRUE(read_tree(lines));
  std::string json = "{\"items\": [1";
  for (int i = 0; i < 20'000; ++i) json += fmt::format(", {{\"some key\": \"value {}\"}}", i);
  EXPECT_TRUE(read_tree(json + "]}"));
  EXPECT_TRUE(read_tree("a: |\n" + repeated(" some text\n", 10'000) + "b: c\n"));
}

// A merge key is an unknown field like any other: what it would bring in is not read unseen.
TEST(Yaml, TakesAMergeKeyForAKey) {
  const Node root = tree("base: &b {x: 1}\nmore: {<<: *b, y: 2}\n");
  const Node* more = root.find("more");
  ASSERT_NE(more, nullptr);
  EXPECT_EQ(more->find("x"), nullptr);
  EXPECT_NE(more->find("<<"), nullptr);
}

TEST(TextCheck, RefusesControlCharactersAndBadUtf8) {
  using std::string_view_literals::operator""sv;
  EXPECT_TRUE(check_text("a: \tb\r\n\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\n"));
  const std::string_view bad[] = {"a\0b"sv,   "a\x04z",      "\x1b[31m",     "\x7f",
                                  "\xff\xfe", "\xc0\x80",    "\xed\xa0\x80", "\xf5\x80\x80\x80",
                                  "\xe2\x82", "\xf0\x9f\x98"};
  for (const auto text : bad) EXPECT_FALSE(check_text(text)) << text;
  EXPECT_EQ(check_text("ab\nc\x01").error().where, "2:2");
  EXPECT_EQ(check_text("# a\rb: c\r\n").error().where, "1:4");
  EXPECT_FALSE(check_text("a: b\r"));
}

TEST(TextCheck, AControlCharacterNeverEndsAFileSilently) {
  EXPECT_THAT(only_error("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n\x04\n---\nx: y\n"),
              StartsWith("f.yaml:4:1: control character 0x04"));
}

}  // namespace
}  // namespace bulkhead::parse
