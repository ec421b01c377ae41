// SPDX-License-Identifier: Apache-2.0
#include "control/apply/second_reader.h"

#include <memory>

namespace bulkhead::control::apply {
namespace {

using namespace std::chrono_literals;
using Until = verify::Verifier::Until;

constexpr auto kBudget = 20ms;        // law 4
constexpr auto kFirstBudget = 500ms;  // of a start's second to the first enforcement
constexpr auto kStep = 1ms;

}  // namespace

Status SecondReader::check(const InForce& next, const InForce& before) {
  last_ratio_ = ratio();
  is_at_following_ = false;
  if (auto ok = take(next); !ok) return ok;
  return before.desired ? verifier_.step(timer_(kBudget), Until::ChangeIsChecked)
                        : verifier_.step(timer_(kFirstBudget), Until::EverythingIsChecked);
}

void SecondReader::follow(const InForce& now) {
  if (following_.desired == now.desired && following_.table == now.table) return;
  following_ = now;
  last_ratio_ = 0;
  go_to_following();
}

Status SecondReader::step() {
  if (!is_at_following_) go_to_following();
  if (!taken_) return taken_;
  if (auto ok = verifier_.step(timer_(kStep), Until::EverythingIsChecked); !ok) return ok;
  note_verified();
  return {};
}

// As often as not it is what was checked last, and nothing differs.
void SecondReader::go_to_following() {
  is_at_following_ = true;
  taken_ = take(following_);
  if (!taken_) return;
  verifier_.put_off();
  note_verified();
}

Status SecondReader::take(const InForce& in_force) {
  // Shares what the cluster is part of.
  const std::shared_ptr<const model::Cluster> cluster(in_force.desired, &in_force.desired->cluster);
  return verifier_.follow({cluster, in_force.desired->local, in_force.table},
                          in_force.table->revision.value);
}

void SecondReader::note_verified() {
  if (verifier_.is_complete()) verified_ = following_;
}

bool SecondReader::is_verified() const {
  return following_.desired == verified_.desired && following_.table == verified_.table;
}

double SecondReader::ratio() const {
  if (!following_.table) return 0;
  if (is_verified()) return 1;
  return is_at_following_ ? verifier_.report().ratio() : last_ratio_;
}

}  // namespace bulkhead::control::apply
