// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/parse/yaml.h"

namespace bulkhead::parse {
namespace {

using testing::HasSubstr;

void expect_same(const Node& one, const Node& other) {
  EXPECT_EQ(one.kind, other.kind);
  EXPECT_EQ(one.is_plain, other.is_plain) << one.scalar;
  EXPECT_EQ(one.scalar, other.scalar);
  EXPECT_EQ(one.line, other.line) << one.scalar;
  EXPECT_EQ(one.column, other.column) << one.scalar;
  ASSERT_EQ(one.keys.size(), other.keys.size());
  for (std::size_t i = 0; i < one.keys.size(); ++i) {
    EXPECT_EQ(one.keys[i].name, other.keys[i].name);
    EXPECT_EQ(one.keys[i].line, other.keys[i].line);
    EXPECT_EQ(one.keys[i].column, other.keys[i].column);
  }
  ASSERT_EQ(one.items.size(), other.items.size());
  for (std::size_t i = 0; i < one.items.size(); ++i) expect_same(one.items[i], other.items[i]);
}

// A second document keeps the text from being JSON, so that the YAML library reads it.
Node by_yaml(const std::string& text) {
  std::vector<Node> documents;
  const auto status = read_documents(text + "\n---\nx\n", {},
                                     [&](const Node& document) { documents.push_back(document); });
  EXPECT_TRUE(status) << status.error().text();
  return documents.empty() ? Node{} : documents.front();
}

TEST(Json, BuildsTheTreeThatTheYamlLibraryBuilds) {
  for (const std::string text :
       {R"({})", R"({"a": {}, "b": [], "c": ""})",
        R"({"a": 1, "b": -1.5e+3, "c": true, "d": false, "e": null, "f": "null"})",
        "{\n  \"a\": [\n    {\"b\": [1, \"2\"]},\n    \"x\"\n  ],\n  \"c\": \"d\"\n}",
        R"({"quote": "a\"b\\c\/d", "lines": "a\nb\tc", "code": "\u00e9\u20ac"})",
        "{\"\xc3\xa9\": \"\xe2\x82\xac\", \"after\": 1}"}) {
    const auto json = read_json(text, {});
    ASSERT_TRUE(json.has_value() && json->has_value()) << text;
    SCOPED_TRACE(text);
    expect_same(**json, by_yaml(text));
  }
}

TEST(Json, LeavesEverythingElseToTheYamlLibrary) {
  for (const char* text :
       {"", "a: b", "[1]", "{a: 1}", "{\"a\": 1,}", "{\"a\" 1}", "{\"a\": 01}", "{\"a\": 1} x",
        "{\"a\": 1}\n---\n{}", "{\"a\": .5}", "{\"a\": 'b'}", "{\"a\": \"\\x41\"}", "{\"a\": [1,]}",
        "{\"a\": \"b\nc\"}", "{\"a\": \"\\ud800\"}", "{\"a\": \"b", "{\"a\": nul}", "{\"a\"",
        "{\"a\": 1 # one\n}"}) {
    EXPECT_FALSE(read_json(text, {}).has_value()) << text;
  }
}

TEST(Json, JoinsSurrogatePairs) {
  const auto json = read_json(R"({"a": "\ud83d\ude00"})", {});
  ASSERT_TRUE(json.has_value() && json->has_value());
  EXPECT_EQ((*json)->items[0].scalar, "\xf0\x9f\x98\x80");
}

TEST(Json, RefusesRepeatedKeysAndWhatIsTooMuch) {
  const auto refused = [](std::string_view text, const Limits& limits = {}) {
    const auto json = read_json(text, limits);
    return json && !*json ? json->error().text() : std::string("no error");
  };
  EXPECT_THAT(refused("{\"a\": 1,\n \"a\": 2}"),
              HasSubstr("2:2: the field \"a\" is repeated (first at 1:2)"));
  Limits limits;
  limits.depth = 2;
  EXPECT_EQ(refused(R"({"a": [1]})", limits), "no error");
  EXPECT_THAT(refused(R"({"a": [[1]]})", limits), HasSubstr("nested deeper than 2 levels"));
  limits = {};
  limits.nodes = 3;
  EXPECT_EQ(refused(R"({"a": 1})", limits), "no error");
  EXPECT_THAT(refused(R"({"a": 1, "b": 2})", limits), HasSubstr("more than 3 values"));
  limits = {};
  limits.scalar_bytes = 3;
  EXPECT_EQ(refused(R"({"a": "abc"})", limits), "no error");
  EXPECT_THAT(refused(R"({"a": "abcd"})", limits), HasSubstr("a scalar of more than 3 bytes"));
}

}  // namespace
}  // namespace bulkhead::parse
