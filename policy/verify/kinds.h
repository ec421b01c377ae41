// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/model/cluster.h"

namespace bulkhead::verify {

// What the text can ask of a live pod apart from its addresses, as numbers: two pods of one kind
// get one answer. Numbers are never taken back.
class Kinds {
 public:
  struct Kind {
    std::uint32_t space = 0;   // its namespace
    std::uint32_t labels = 0;  // its labels with its service account
    std::uint32_t others = 0;  // its ports, and its quarantine, which is its own alone
    friend bool operator==(const Kind&, const Kind&) = default;
  };

  [[nodiscard]] std::uint32_t of(const model::Pod& pod);
  [[nodiscard]] const Kind& operator[](std::uint32_t kind) const { return kinds_[kind]; }
  [[nodiscard]] std::size_t size() const { return kinds_.size(); }

  // By number; names in the order in which they were first met.
  [[nodiscard]] const std::deque<std::string>& spaces() const { return spaces_.texts; }
  // Nothing when no live pod was ever in it.
  [[nodiscard]] std::optional<std::uint32_t> space_of(const std::string& name) const;
  [[nodiscard]] const std::vector<std::uint32_t>& in_space(std::uint32_t space) const {
    return in_space_[space];
  }
  // A pod with these labels and this service account, and nothing else.
  [[nodiscard]] const model::Pod& sample(std::uint32_t labels) const { return samples_[labels]; }

 private:
  struct Texts {
    std::unordered_map<std::string, std::uint32_t> numbers;
    std::deque<std::string> texts;
    [[nodiscard]] std::uint32_t number_of(const std::string& text);
  };
  struct Hash {
    std::size_t operator()(const Kind& kind) const;
  };

  Texts spaces_;
  Texts labels_;
  Texts others_;
  std::deque<model::Pod> samples_;                    // by labels
  std::vector<std::vector<std::uint32_t>> in_space_;  // kinds, by space
  std::unordered_map<Kind, std::uint32_t, Hash> numbers_;
  std::vector<Kind> kinds_;
  std::string text_;
};

}  // namespace bulkhead::verify
