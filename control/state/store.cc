// SPDX-License-Identifier: Apache-2.0
#include "control/state/store.h"

#include <algorithm>

#include "control/state/claims.h"

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
  units_[unit].accepted = std::move(content);
}

std::vector<AcceptedChange> Store::apply(const std::vector<source::Change>& changes) {
  std::vector<AcceptedChange> written;
  for (const auto& change : changes) {
    switch (change.kind) {
      case source::ChangeKind::Present: {
        Unit& unit = units_[change.unit];
        unit.latest = change.content;
        unit.is_vanishing = false;
        break;
      }
      case source::ChangeKind::Vanishing: {
        const auto unit = units_.find(change.unit);
        if (unit != units_.end()) unit->second.is_vanishing = true;
        break;
      }
      case source::ChangeKind::Gone:
        if (units_.erase(change.unit) != 0) written.push_back({change.unit, std::nullopt});
        break;
    }
  }
  settle(written);
  return written;
}

Store::Holders Store::holders() const {
  Holders holders;
  for (const auto& [name, unit] : units_) {
    if (!unit.accepted || unit.is_vanishing) continue;
    for (auto& claim : claims_of(unit.accepted->parsed.objects)) {
      holders.emplace(std::move(claim.key), name);
    }
  }
  return holders;
}

std::vector<Error> Store::objections(const std::string& name, const Unit& unit,
                                     const Holders& holders) const {
  std::vector<Error> errors = unit.latest->parsed.errors;
  std::map<std::string, model::Origin> own;
  for (const auto& claim : claims_of(unit.latest->parsed.objects)) {
    const auto [first, is_first] = own.emplace(claim.key, claim.origin);
    if (!is_first) {
      errors.push_back(
          {fmt::format("{} is written twice, first at {}", claim.key, first->second.text()),
           claim.origin.text()});
      continue;
    }
    const auto holder = holders.find(claim.key);
    if (holder != holders.end() && holder->second != name) {
      errors.push_back({fmt::format("{} is already held by {}", claim.key, holder->second),
                        claim.origin.text()});
    }
  }
  return errors;
}

// Accepts what can be accepted, in order of name, until nothing more can: what one unit gives up
// another may be waiting for.
void Store::settle(std::vector<AcceptedChange>& changes) {
  for (bool is_moving = true; is_moving;) {
    is_moving = false;
    Holders held = holders();
    for (auto& [name, unit] : units_) {
      if (!unit.latest || unit.latest == unit.accepted) continue;
      std::vector<Error> errors = objections(name, unit, held);
      if (!errors.empty()) {
        if (!same_errors(errors, unit.errors)) ++rejections_;
        unit.errors = std::move(errors);
        continue;
      }
      const bool is_new = !unit.accepted || unit.accepted->text != unit.latest->text;
      unit.accepted = unit.latest;
      unit.errors.clear();
      if (is_new) changes.push_back({name, unit.accepted->text});
      held = holders();
      is_moving = true;
    }
  }
}

Accepted Store::accepted() const {
  Accepted accepted;
  std::set<std::string> held;
  const auto add = [&](const parse::Objects& objects) {
    const auto is_free = [&](const std::string& key) { return held.insert(key).second; };
    for (const auto& item : objects.namespaces) {
      if (is_free("Namespace/" + item->name)) accepted.objects.namespaces.push_back(item);
    }
    for (const auto& pod : objects.pods) {
      if (is_free("Pod/" + pod->key.text())) accepted.objects.pods.push_back(pod);
    }
    for (const auto& policy : objects.policies) {
      if (is_free(policy->id())) accepted.objects.policies.push_back(policy);
    }
  };
  // A file that is being renamed gives way to the one that now holds its objects.
  for (const auto& [name, unit] : units_) {
    if (unit.accepted && !unit.is_vanishing) add(unit.accepted->parsed.objects);
  }
  for (const auto& [name, unit] : units_) {
    if (unit.accepted && unit.is_vanishing) add(unit.accepted->parsed.objects);
  }
  for (const auto& [name, unit] : units_) {
    if (unit.accepted || !unit.latest) continue;
    const auto& parsed = unit.latest->parsed;
    accepted.closed_namespaces.insert(parsed.named_namespaces.begin(),
                                      parsed.named_namespaces.end());
    for (const auto& policy : parsed.objects.policies) {
      accepted.closed_namespaces.insert(policy->namespace_name);
    }
    const bool is_cluster_wide = accepted.closed_namespaces.erase("") != 0;
    if ((!parsed.is_scope_known || is_cluster_wide) && !accepted.blocked) {
      accepted.blocked = fmt::format("{} was never accepted and what it applies to cannot be told",
                                     unit.errors.empty() ? name : unit.errors.front().text());
    }
  }
  return accepted;
}

std::vector<UnitState> Store::units() const {
  std::vector<UnitState> states;
  for (const auto& [name, unit] : units_) {
    states.push_back(
        {name, unit.latest && unit.latest != unit.accepted, unit.accepted != nullptr, unit.errors});
  }
  return states;
}

std::vector<std::string> Store::unit_names() const {
  std::vector<std::string> names;
  for (const auto& [name, unit] : units_) names.push_back(name);
  return names;
}

}  // namespace bulkhead::control::state
