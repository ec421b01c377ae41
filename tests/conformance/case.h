// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "policy/model/cluster.h"
#include "policy/question/matrix.h"
#include "tests/conformance/change.h"

namespace bulkhead::conformance {

struct Expectation {
  std::string from;  // patterns: "x/a", "x/*", "x/web*", "*"
  std::string to;
  Verdict verdict = Verdict::Deny;
};

struct RuleExpectation {
  std::string from;
  std::string to;
  Direction direction = Direction::Ingress;
  std::string rule;
};

// What must hold for some probes. The last expectation that matches a pair wins; without one the
// pair is allowed.
struct Block {
  std::vector<Edit> edits;  // all that was written or changed until here, in order
  std::vector<question::Probe> probes;
  std::vector<Expectation> verdicts;
  std::vector<RuleExpectation> rules;
};

struct Case {
  model::Settings settings;
  std::vector<Prefix> externals;
  std::vector<Family> families = {Family::V4, Family::V6};
  std::vector<std::string> inventory;
  std::vector<Block> blocks;
};

// Reads a case file: its "#:" lines, and its objects as texts; throws std::runtime_error naming the
// line it cannot read.
[[nodiscard]] Case read_case(const std::filesystem::path& file);

[[nodiscard]] Verdict expected_verdict(const Block& block, const std::string& from,
                                       const std::string& to);

}  // namespace bulkhead::conformance
