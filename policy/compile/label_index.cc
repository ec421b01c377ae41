// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/label_index.h"

#include "policy/compile/selectors.h"
#include "policy/compile/sorted.h"

namespace bulkhead::compile {
namespace {

std::string text_of(std::string_view key, std::string_view value) {
  std::string text;
  append_part(text, key);
  text += value;
  return text;
}

}  // namespace

void LabelIndex::add(std::uint32_t number, std::string_view key, std::string_view value) {
  insert_sorted(by_label_[text_of(key, value)], number);
}

void LabelIndex::remove(std::uint32_t number, std::string_view key, std::string_view value) {
  const auto found = by_label_.find(text_of(key, value));
  if (found == by_label_.end()) return;
  erase_sorted(found->second, number);
  if (found->second.empty()) by_label_.erase(found);
}

const std::vector<std::uint32_t>& LabelIndex::with(std::string_view key,
                                                   std::string_view value) const {
  static const std::vector<std::uint32_t> kNobody;
  const auto found = by_label_.find(text_of(key, value));
  return found != by_label_.end() ? found->second : kNobody;
}

}  // namespace bulkhead::compile
