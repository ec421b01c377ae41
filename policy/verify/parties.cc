// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/parties.h"

#include <algorithm>

#include "policy/oracle/match.h"
#include "policy/verify/parties_step.h"

namespace bulkhead::verify {
namespace {

PartyFlags flags_of(const model::Cluster& cluster, const oracle::Party& who, bool must_be_unknown) {
  PartyFlags flags = kIsSomebody;
  if (oracle::live_pod(who) != nullptr) flags |= kIsPod;
  if (who.own_node) flags |= kIsOwnNode;
  if (oracle::is_unknown(cluster, who)) flags |= kIsUnknown;
  if (oracle::is_cluster_dns(cluster, who)) flags |= kIsDns;
  if (must_be_unknown) flags |= kMustBeUnknown;
  return flags;
}

template <class T>
void remove(std::vector<T>& from, const T& item) {
  *std::ranges::find(from, item) = from.back();
  from.pop_back();
}

}  // namespace

std::string Party::text() const {
  if (party.own_node) return "the own node";
  const std::string address = party.address ? party.address->text() : "no address";
  if (party.pod == nullptr) return fmt::format("{} (identity {})", address, identity.value);
  return fmt::format("{} ({}, identity {})", party.pod->key.text(), address, identity.value);
}

// Multipliers of splitmix64, as in kinds.cc.
std::size_t Parties::LikenessHash::operator()(const Likeness& key) const {
  const std::uint64_t pair = std::uint64_t{key.kind} << 32 | key.identity;
  const std::size_t stretch = key.stretch ? std::hash<IpAddress>{}(*key.stretch) : 0;
  return (pair * 0x9e3779b97f4a7c15u) ^ (stretch * 0xbf58476d1ce4e5b9u);
}

Result<Parties::News> Parties::follow(const Checked& before, const Checked& now,
                                      const table::TableView& table, const bool has_other_tries) {
  cluster_ = now.cluster.get();
  return Step(*this, before, now, table, has_other_tries).take();
}

bool Parties::are_two(PartyId subject, PartyId peer) const {
  const Party& one = parties_[subject];
  const Party& other = parties_[peer];
  return one.party.pod != other.party.pod || one.other_pod != nullptr || other.other_pod != nullptr;
}

const std::vector<PartyId>& Parties::of_kind(std::uint32_t kind) const {
  static const std::vector<PartyId> kNone;
  return kind < by_kind_.size() ? by_kind_[kind] : kNone;
}

PartyId Parties::make_party(const Likeness& likeness, const oracle::Party& who,
                            IdentityId identity) {
  PartyId id = size();
  if (free_.empty()) {
    parties_.emplace_back();
    flags_.emplace_back();
    identities_.emplace_back();
    locals_.emplace_back();
    subject_places_.emplace_back();
    seats_of_.emplace_back();
    likeness_of_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  touched_.try_emplace(id);
  const bool must_be_unknown = is_unknown(likeness);
  parties_[id] = {.party = who, .identity = identity, .must_be_unknown = must_be_unknown};
  flags_[id] = flags_of(*cluster_, who, must_be_unknown);
  identities_[id] = identity;
  count_identity(identity, 1);
  likeness_of_[id] = likeness;
  if (likeness.kind < kNotPods) {
    parties_[id].kind = likeness.kind;
    if (by_kind_.size() <= likeness.kind) by_kind_.resize(likeness.kind + 1);
    by_kind_[likeness.kind].push_back(id);
  }
  if (likeness.stretch) by_stretch_[*likeness.stretch].push_back(id);
  return id;
}

void Parties::remove_party(PartyId id) {
  const Likeness likeness = likeness_of_[id];
  by_likeness_.erase(likeness);
  if (likeness.kind < kNotPods) remove(by_kind_[likeness.kind], id);
  if (likeness.stretch) {
    const auto stretch = by_stretch_.find(*likeness.stretch);
    remove(stretch->second, id);
    if (stretch->second.empty()) by_stretch_.erase(stretch);
  }
  count_identity(identities_[id], -1);
  parties_[id] = {};
  flags_[id] = 0;
  identities_[id] = kUnknownIdentity;
  free_.push_back(id);
}

Parties::SeatId Parties::sit(const Likeness& likeness, const oracle::Party& who,
                             IdentityId identity, const bool is_local) {
  const auto [found, is_new] = by_likeness_.try_emplace(likeness);
  if (is_new) found->second = make_party(likeness, who, identity);
  const PartyId id = found->second;
  touch(id);
  auto seat = static_cast<SeatId>(seats_.size());
  if (free_seats_.empty()) {
    seats_.emplace_back();
  } else {
    seat = free_seats_.back();
    free_seats_.pop_back();
  }
  seats_[seat] = {.party = id,
                  .place = static_cast<std::uint32_t>(seats_of_[id].size()),
                  .who = who,
                  .is_local = is_local};
  seats_of_[id].push_back(seat);
  if (is_local) count_subject(id, 1);
  return seat;
}

void Parties::stand_up(SeatId seat) {
  const auto [id, place, who, is_local] = seats_[seat];
  touch(id);
  auto& seats = seats_of_[id];
  seats[place] = seats.back();
  seats_[seats[place]].place = place;
  seats.pop_back();
  if (is_local) count_subject(id, -1);
  free_seats_.push_back(seat);
}

void Parties::count_subject(PartyId id, std::int32_t by) {
  const bool was_subject = is_subject(id);
  locals_[id] += static_cast<std::uint32_t>(by);
  if (was_subject == is_subject(id)) return;
  if (!was_subject) {
    subject_places_[id] = static_cast<std::uint32_t>(subjects_.size());
    subjects_.push_back(id);
    return;
  }
  const PartyId last = subjects_.back();
  subject_places_[last] = subject_places_[id];
  subjects_[subject_places_[id]] = last;
  subjects_.pop_back();
}

void Parties::count_identity(IdentityId identity, std::int32_t by) {
  if (people_.size() <= identity.value) people_.resize(std::size_t{identity.value} + 1);
  touched_identities_.try_emplace(identity, people_[identity.value]);
  people_[identity.value] += static_cast<std::uint32_t>(by);
}

void Parties::touch(PartyId id) {
  touched_.try_emplace(id, Was{.is_known = true,
                               .is_subject = locals_[id] != 0,
                               .is_two = parties_[id].other_pod != nullptr});
}

// Any one of them, and another one that is not the same pod.
void Parties::choose_who_stands(PartyId id) {
  Party& party = parties_[id];
  const auto& seats = seats_of_[id];
  party.party = seats_[seats.front()].who;
  party.other_pod = nullptr;
  party.other_address.reset();
  for (const SeatId seat : seats) {
    const oracle::Party& who = seats_[seat].who;
    if (who.pod == party.party.pod) continue;
    party.other_pod = who.pod;
    party.other_address = who.address;
    return;
  }
}

Parties::News Parties::take_news() {
  News news;
  for (auto touched = touched_.begin(); touched != touched_.end();) {
    const PartyId id = touched->first;
    if (!seats_of_[id].empty()) {
      choose_who_stands(id);
      ++touched;
      continue;
    }
    if (touched->second.is_known) news.gone.push_back(id);
    remove_party(id);
    touched = touched_.erase(touched);
  }
  for (const auto& [id, was] : touched_) {
    if (!was.is_known) news.peers.push_back(id);
    if (is_subject(id) && !was.is_subject) news.subjects.push_back(id);
    if (was.is_known && !was.is_two) add_pairs(id, news);
  }
  touched_.clear();
  for (const auto& [identity, before] : touched_identities_) {
    const bool has_people = people_[identity.value] > 0;
    if (has_people && before == 0) news.identities.push_back(identity);
    if (!has_people && before > 0) news.gone_identities.push_back(identity);
  }
  touched_identities_.clear();
  return news;
}

// What a kind says to itself, where some of it were one pod until now.
void Parties::add_pairs(PartyId id, News& news) const {
  if (!parties_[id].kind) return;
  for (const PartyId like : by_kind_[*parties_[id].kind]) {
    const auto touched = touched_.find(like);
    const bool was_two = touched != touched_.end()
                             ? touched->second.is_two || !touched->second.is_known
                             : parties_[like].other_pod != nullptr;
    if (was_two || !are_two(id, like)) continue;
    if (is_subject(id)) news.pairs.emplace_back(id, like);
    if (like != id && is_subject(like)) news.pairs.emplace_back(like, id);
  }
}

}  // namespace bulkhead::verify
