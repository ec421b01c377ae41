// SPDX-License-Identifier: Apache-2.0
#include "control/apply/second_reader.h"

#include "policy/verify/verify.h"

namespace bulkhead::control::apply {
namespace {

using namespace std::chrono_literals;

constexpr auto kBudget = 20ms;        // law 4
constexpr auto kFirstBudget = 500ms;  // of a start's second to the first enforcement
constexpr auto kStep = 1ms;

bool has_difference(const model::Cluster& a, const model::Cluster& b) {
  bool differs = a.settings != b.settings;
  const auto note = [&](const auto&, const auto&, const auto&) { differs = true; };
  for_each_difference(a.namespaces, b.namespaces, note);
  for_each_difference(a.pods, b.pods, note);
  for_each_difference(a.policies, b.policies, note);
  return differs;
}

// What is compared does not depend on the rest of what is desired.
bool have_same_pairs(const state::Desired& a, const state::Desired& b) {
  return a.local == b.local && !has_difference(a.cluster, b.cluster);
}

verify::Checked checked_of(const InForce& in_force) {
  // Shares what the cluster is part of.
  return {{in_force.desired, &in_force.desired->cluster}, in_force.desired->local, in_force.table};
}

bool are_same(const InForce& a, const InForce& b) {
  return a.desired == b.desired && a.table == b.table;
}

}  // namespace

Status SecondReader::check(const InForce& next, const InForce& before) {
  checked_ = {};
  verify::Scope scope;
  if (before.desired) {
    const compile::LocalPods old_local = before.desired->local;
    const compile::LocalPods new_local = next.desired->local;
    scope = verify::scope_between({before.desired->cluster, old_local},
                                  {next.desired->cluster, new_local});
  }
  auto check = verifier_.begin(checked_of(next), scope, next.table->revision.value);
  if (!check) return tl::unexpected(check.error());
  if (auto ok = check->step(timer_(before.desired ? kBudget : kFirstBudget)); !ok) return ok;
  // Bytes that were verified, and every pair that they were not verified for.
  const bool adds_to_verified =
      before.table && is_verified() && answer_alike(*next.table, *before.table);
  if (check->is_complete() && (scope.is_everything || adds_to_verified)) checked_ = next;
  return {};
}

void SecondReader::follow(const InForce& now) {
  if (following_.table && answer_alike(*following_.table, *now.table) &&
      have_same_pairs(*following_.desired, *now.desired)) {
    return;
  }
  following_ = now;
  sweep_.reset();
  const bool is_checked = checked_.desired == now.desired && checked_.table != nullptr &&
                          answer_alike(*checked_.table, *now.table);
  if (is_checked) verified_ = now;
}

Status SecondReader::step() {
  if (!sweep_) {
    auto sweep = verifier_.begin(checked_of(following_), {}, following_.table->revision.value);
    if (!sweep) return tl::unexpected(sweep.error());
    sweep_.emplace(std::move(*sweep));
  }
  if (auto ok = sweep_->step(timer_(kStep)); !ok) return ok;
  if (!sweep_->is_complete()) return {};
  verified_ = following_;
  sweep_.reset();
  return {};
}

bool SecondReader::is_verified() const { return are_same(following_, verified_); }

double SecondReader::ratio() const {
  if (!following_.table) return 0;
  if (is_verified()) return 1;
  return sweep_ ? sweep_->ratio() : 0;
}

}  // namespace bulkhead::control::apply
