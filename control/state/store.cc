// SPDX-License-Identifier: Apache-2.0
#include "control/state/store.h"

#include <algorithm>

namespace bulkhead::control::state {
namespace {

bool same_errors(const std::vector<Error>& a, const std::vector<Error>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Error& x, const Error& y) {
    return x.message == y.message && x.where == y.where;
  });
}

source::ContentPtr content_of(const std::string& unit, const std::string& text) {
  auto content = std::make_shared<source::Content>();
  content->text = text;
  content->parsed = parse::parse_file_text(unit, text);
  return content;
}

}  // namespace

void Store::restore(const std::string& unit, const std::string& text) {
  auto content = content_of(unit, text);
  // A newer parser may be stricter than the one that accepted it: then it counts as never accepted.
  if (content->parsed.is_broken()) return;
  const auto place = units_.try_emplace(unit).first;
  give_up(*place);
  place->second.accepted = std::move(content);
  claim(*place);
  settle();
}

std::vector<AcceptedChange> Store::apply(const std::vector<source::Change>& changes) {
  std::vector<AcceptedChange> written;
  for (const auto& change : changes) {
    const auto unit = units_.find(change.unit);
    switch (change.kind) {
      case source::ChangeKind::Present:
        present(change);
        break;
      case source::ChangeKind::Vanishing:
        if (unit != units_.end()) set_vanishing(unit, true);
        break;
      case source::ChangeKind::Gone:
        if (unit == units_.end()) break;
        give_up(*unit);
        unsettled_.erase(change.unit);
        units_.erase(unit);
        written.push_back({change.unit, std::nullopt});
        break;
    }
  }
  accept_what_can_be(written);
  settle();
  return written;
}

void Store::present(const source::Change& change) {
  const auto unit = units_.try_emplace(change.unit).first;
  set_vanishing(unit, false);
  unit->second.latest = change.content;
  if (unit->second.latest == unit->second.accepted) {
    unit->second.errors.clear();
    unsettled_.erase(change.unit);
  } else {
    unsettled_.insert(change.unit);
  }
}

void Store::set_vanishing(Units::iterator unit, bool is_vanishing) {
  if (unit->second.is_vanishing == is_vanishing) return;
  give_up(*unit);
  unit->second.is_vanishing = is_vanishing;
  claim(*unit);
}

// A file that is being renamed gives way to the one that now holds its objects.
void Store::claim(const Units::value_type& unit) {
  if (!unit.second.accepted) return;
  holders_.claim({unit.second.is_vanishing, unit.first}, unit.second.accepted->parsed.objects);
}

void Store::give_up(const Units::value_type& unit) {
  if (!unit.second.accepted) return;
  holders_.give_up({unit.second.is_vanishing, unit.first}, unit.second.accepted->parsed.objects);
}

std::vector<Error> Store::objections(const std::string& name, const Unit& unit) const {
  std::vector<Error> errors = unit.latest->parsed.errors;
  std::map<std::string, Object> own;
  for (const auto& claim : claims_of(unit.latest->parsed.objects)) {
    const std::string where = origin_of(claim.object).text();
    const auto [first, is_first] = own.emplace(claim.key, claim.object);
    if (!is_first) {
      errors.push_back({fmt::format("{} is written twice, first at {}", claim.key,
                                    origin_of(first->second).text()),
                        where});
      continue;
    }
    const auto holder = holders_.holder(claim.key);
    if (!holder.empty() && holder != name) {
      errors.push_back({fmt::format("{} is already held by {}", claim.key, holder), where});
    }
  }
  return errors;
}

// In order of name, until nothing more can be accepted: what one unit gives up another may be
// waiting for.
void Store::accept_what_can_be(std::vector<AcceptedChange>& changes) {
  for (bool is_moving = true; is_moving;) {
    is_moving = false;
    for (auto next = unsettled_.begin(); next != unsettled_.end();) {
      const auto place = units_.find(*next);
      Unit& unit = place->second;
      std::vector<Error> errors = objections(place->first, unit);
      if (!errors.empty()) {
        if (!same_errors(errors, unit.errors)) ++rejections_;
        unit.errors = std::move(errors);
        ++next;
        continue;
      }
      const bool is_new = !unit.accepted || unit.accepted->text != unit.latest->text;
      give_up(*place);
      unit.accepted = unit.latest;
      claim(*place);
      unit.errors.clear();
      if (is_new) changes.push_back({place->first, unit.accepted->text});
      next = unsettled_.erase(next);
      is_moving = true;
    }
  }
}

void Store::settle() {
  holders_.settle(accepted_);
  accepted_.closed_namespaces.clear();
  accepted_.blocked.reset();
  for (const auto& name : unsettled_) {
    const Unit& unit = units_.at(name);
    if (unit.accepted) continue;
    const auto& parsed = unit.latest->parsed;
    auto& closed = accepted_.closed_namespaces;
    closed.insert(parsed.named_namespaces.begin(), parsed.named_namespaces.end());
    for (const auto& policy : parsed.objects.policies) closed.insert(policy->namespace_name);
    const bool is_cluster_wide = closed.erase("") != 0;
    if ((!parsed.is_scope_known || is_cluster_wide) && !accepted_.blocked) {
      accepted_.blocked = fmt::format("{} was never accepted and what it applies to cannot be told",
                                      unit.errors.empty() ? name : unit.errors.front().text());
    }
  }
}

std::vector<BrokenUnit> Store::broken() const {
  std::vector<BrokenUnit> units;
  for (const auto& name : unsettled_) units.push_back({name, units_.at(name).errors});
  return units;
}

std::vector<std::string> Store::unit_names() const {
  std::vector<std::string> names;
  for (const auto& [name, unit] : units_) names.push_back(name);
  return names;
}

}  // namespace bulkhead::control::state
