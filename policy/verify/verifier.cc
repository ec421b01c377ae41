// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/verifier.h"

#include "policy/verify/state.h"

namespace bulkhead::verify {

Verifier::Verifier() : state_(std::make_unique<State>()) {}
Verifier::Verifier(Verifier&&) noexcept = default;
Verifier& Verifier::operator=(Verifier&&) noexcept = default;
Verifier::~Verifier() = default;

Status Verifier::follow(const Checked& next, std::uint64_t seed) {
  if (state_->is_of_no_use_for(next)) state_ = std::make_unique<State>();
  auto ok = state_->follow(next, seed);
  if (!ok && state_->is_broken()) state_ = std::make_unique<State>();
  return ok ? ok : in_context("verify", ok.error());
}

Status Verifier::step(const std::function<bool()>& has_time, Until until) {
  auto ok = state_->step(has_time, until);
  return ok ? ok : in_context("verify", ok.error());
}

void Verifier::put_off() { state_->put_off(); }
Report Verifier::report() const { return state_->report(); }
Report Verifier::change() const { return state_->change(); }
bool Verifier::is_complete() const { return state_->is_complete(); }
bool Verifier::has_checked_change() const { return state_->has_checked_change(); }

}  // namespace bulkhead::verify
