// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/decisions.h"

#include <fmt/format.h>

#include <utility>

namespace bulkhead::compile {

CounterSlot Slots::slot_of(SlotInfo info, Numbers& numbers) {
  std::string key = fmt::format("{}|{}|{}|{}", info.rule, name_of(info.direction),
                                name_of(info.verdict), info.staged ? "staged" : "enforced");
  info.slot = numbers.slot(key);
  const CounterSlot slot = info.slot;
  const auto [held, is_new] = held_.try_emplace(slot);
  if (is_new || held->second.key != key) {
    held->second = {.info = std::move(info), .key = std::move(key)};
    has_changed_ = true;
  }
  return slot;
}

void Slots::settle(const std::vector<table::DecisionRecord>& decisions) {
  std::vector<bool> is_named;
  const auto note = [&](std::uint32_t slot) {
    if (slot >= is_named.size()) is_named.resize(slot + 1);
    is_named[slot] = true;
  };
  for (const table::DecisionRecord& record : decisions) {
    note(record.slot);
    note(record.staged_slot);
  }
  const auto is_idle = [&](const auto& item) {
    return item.first.value >= is_named.size() || !is_named[item.first.value];
  };
  const bool has_lost = std::erase_if(held_, is_idle) != 0;
  if (!std::exchange(has_changed_, false) && !has_lost) return;
  std::vector<SlotInfo> infos;
  std::vector<std::string> keys;
  for (const auto& [slot, held] : held_) {
    infos.push_back(held.info);
    keys.push_back(held.key);
  }
  infos_ = std::move(infos);
  keys_ = std::move(keys);
}

std::uint32_t Decisions::number_of(Direction direction,
                                   const std::array<Outcome, kWorlds>& outcome) {
  const auto& [enforced, staged] = outcome;
  const auto [found, is_new] = known_.try_emplace({direction, enforced, staged});
  if (!is_new) return found->second;
  table::DecisionRecord record;
  record.slot = slot_of(direction, enforced, false).value;
  if (staged != enforced) record.staged_slot = slot_of(direction, staged, true).value;
  record.verdict = static_cast<std::uint8_t>(enforced.verdict);
  record.staged_verdict = static_cast<std::uint8_t>(staged.verdict);
  found->second = builder_.decision(record);
  return found->second;
}

CounterSlot Decisions::slot_of(Direction direction, const Outcome& outcome, const bool is_staged) {
  const auto [found, is_new] = slot_numbers_.try_emplace({direction, outcome, is_staged});
  if (is_new) {
    found->second = slots_.slot_of({.slot = {},
                                    .rule = book_.text(outcome.rule),
                                    .direction = direction,
                                    .verdict = outcome.verdict,
                                    .staged = is_staged},
                                   numbers_);
  }
  return found->second;
}

}  // namespace bulkhead::compile
