// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/parties_step.h"

#include <algorithm>
#include <iterator>

#include "policy/verify/table_cuts.h"

namespace bulkhead::verify {
namespace {

const model::Cluster kNoCluster;
const compile::CompiledTable kNoTable;
const compile::LocalPods kNoPods = std::set<model::PodKey>();

const model::Cluster& cluster_of(const Checked& checked) {
  return checked.cluster ? *checked.cluster : kNoCluster;
}
const compile::CompiledTable& table_of(const Checked& checked) {
  return checked.compiled ? *checked.compiled : kNoTable;
}
const compile::LocalPods& local_of(const Checked& checked) {
  return checked.local ? *checked.local : kNoPods;
}

}  // namespace

Parties::Step::Step(Parties& parties, const Checked& before, const Checked& now,
                    const table::TableView& table, const bool has_other_tries)
    : parties_(parties),
      before_(before),
      now_(now),
      table_(table),
      has_other_pieces_(has_other_tries) {}

Result<Parties::News> Parties::Step::take() {
  find_pods();
  find_addresses();
  find_local_pods();
  find_cuts();
  stand_up_leaving();
  if (auto ok = seat_arriving(); !ok) return tl::unexpected(ok.error());
  if (auto ok = check_addresses(); !ok) return tl::unexpected(ok.error());
  const Status asked = has_other_pieces_ ? renew_pieces() : renew_pieces_of_addresses();
  if (!asked) return tl::unexpected(asked.error());
  if (!before_.cluster) {
    (void)parties_.sit({.kind = kOwnNode, .identity = kOwnNodeIdentity.value, .stretch = {}},
                       {.pod = nullptr, .address = {}, .own_node = true}, kOwnNodeIdentity, false);
  }
  return parties_.take_news();
}

void Parties::Step::leave(const model::Pod& pod) {
  if (!pod.is_live()) return;
  leaving_[pod.key] = &pod;
  addresses_.insert(pod.ips.begin(), pod.ips.end());
}

void Parties::Step::arrive(const model::Pod& pod) {
  if (!pod.is_live()) return;
  arriving_[pod.key] = &pod;
  addresses_.insert(pod.ips.begin(), pod.ips.end());
}

// Of a pod that is the same object in both.
void Parties::Step::sit_anew(const model::Pod& pod) {
  if (leaving_.contains(pod.key)) return;
  leave(pod);
  arrive(pod);
}

void Parties::Step::find_pods() {
  const auto count = [&](const model::Pod& pod, std::int64_t by) {
    if (!pod.quarantine || !pod.quarantine->forensic_peer) return;
    const Prefix& prefix = *pod.quarantine->forensic_peer;
    by > 0 ? parties_.cuts_.add(prefix) : parties_.cuts_.remove(prefix);
  };
  for_each_difference(cluster_of(before_).pods, now_.cluster->pods,
                      [&](const auto&, const auto& old, const auto& now) {
                        if (old != nullptr) leave(*old), count(*old, -1);
                        if (now != nullptr) arrive(*now), count(*now, 1);
                      });
}

void Parties::Step::find_addresses() {
  for_each_difference(table_of(before_).addresses, now_.compiled->addresses,
                      [&](const IpAddress& address, const auto&, const auto&) {
                        addresses_.insert(address);
                        const auto& claims = parties_.claims_;
                        for (auto claim = claims.lower_bound({address, nullptr});
                             claim != claims.end() && claim->first.address == address; ++claim) {
                          sit_anew(*claim->first.pod);
                        }
                      });
  for_each_difference(table_of(before_).pods, now_.compiled->pods,
                      [&](const model::PodKey& key, const auto&, const auto&) {
                        const auto found = now_.cluster->pods.find(key);
                        if (found == now_.cluster->pods.end()) return;
                        if (parties_.pods_.contains(found->second.get())) sit_anew(*found->second);
                      });
}

void Parties::Step::find_local_pods() {
  const auto& old = local_of(before_);
  const auto& now = local_of(now_);
  if (before_.local == now_.local || old == now) return;
  if (!old || !now) {
    for (const auto& [pod, seated] : parties_.pods_) {
      if (seated.is_local != is_local(*pod)) sit_anew(*pod);
    }
    return;
  }
  std::vector<model::PodKey> moved;
  std::ranges::set_symmetric_difference(*old, *now, std::back_inserter(moved));
  for (const auto& key : moved) {
    const auto found = now_.cluster->pods.find(key);
    if (found == now_.cluster->pods.end()) continue;
    if (parties_.pods_.contains(found->second.get())) sit_anew(*found->second);
  }
}

void Parties::Step::find_cuts() {
  AddressCuts& cuts = parties_.cuts_;
  if (!before_.cluster) {
    for (const Prefix& prefix : now_.cluster->settings.pod_cidrs) cuts.add(prefix);
    for (const IpAddress& address : now_.cluster->settings.dns_addresses) {
      cuts.add(Prefix::host(address));
    }
  }
  const bool had_nodes = parties_.policies_that_name_nodes_ > 0;
  for_each_difference(cluster_of(before_).policies, now_.cluster->policies,
                      [&](const auto&, const auto& old, const auto& now) {
                        for (const Prefix& prefix : prefixes_of(old)) cuts.remove(prefix);
                        for (const Prefix& prefix : prefixes_of(now)) cuts.add(prefix);
                        parties_.policies_that_name_nodes_ += names_nodes(now) - names_nodes(old);
                      });
  const bool has_nodes = parties_.policies_that_name_nodes_ > 0;
  const bool has_other_nodes = !(cluster_of(before_).nodes == now_.cluster->nodes);
  if (had_nodes != has_nodes || (has_nodes && has_other_nodes)) {
    if (had_nodes) count_nodes(*before_.cluster, false);
    if (has_nodes) count_nodes(*now_.cluster, true);
  }
  const auto moved = cuts.take_moved();
  has_other_pieces_ = has_other_pieces_ || !moved.empty();
  find_moved(moved);
}

void Parties::Step::count_nodes(const model::Cluster& cluster, bool add) {
  for (const auto& [name, node] : cluster.nodes) {
    for (const IpAddress& address : node->addresses) {
      const Prefix prefix = Prefix::host(address);
      add ? parties_.cuts_.add(prefix) : parties_.cuts_.remove(prefix);
    }
  }
}

// Whose stretch begins elsewhere: those between a bound that came or went and the next one.
void Parties::Step::find_moved(const std::vector<IpAddress>& moved) {
  const auto& starts = parties_.cuts_.starts();
  const auto& claims = parties_.claims_;
  for (const IpAddress& start : moved) {
    const auto next = starts.upper_bound(start);
    for (auto claim = claims.lower_bound({start, nullptr}); claim != claims.end(); ++claim) {
      if (next != starts.end() && claim->first.address >= next->first) break;
      sit_anew(*claim->first.pod);
    }
  }
}

void Parties::Step::stand_up_leaving() {
  for (const auto& [key, pod] : leaving_) {
    const auto seated = parties_.pods_.find(pod);
    for (const SeatId seat : seated->second.seats) parties_.stand_up(seat);
    parties_.pods_.erase(seated);
    for (const IpAddress& address : pod->ips) parties_.claims_.erase({address, pod});
  }
}

Status Parties::Step::seat_arriving() {
  // In order: a first version then fills the map from one end to the other.
  std::vector<Claim> claims;
  for (const auto& [key, pod] : arriving_) {
    for (const IpAddress& address : pod->ips) claims.push_back({address, pod});
  }
  std::ranges::sort(claims);
  for (const Claim& claim : claims) parties_.claims_.emplace(claim, char{});
  for (const auto& [key, pod] : arriving_) {
    if (auto ok = seat(*pod); !ok) return ok;
  }
  return {};
}

Status Parties::Step::seat(const model::Pod& pod) {
  SeatedPod& seated = parties_.pods_[&pod];
  seated.is_local = is_local(pod);
  const std::uint32_t kind = parties_.kinds_.of(pod);
  for (const IpAddress& address : pod.ips) {
    const auto given = now_.compiled->addresses.find(address);
    if (given == now_.compiled->addresses.end()) {
      return fail("the compile does not name {} of pod {}", address.text(), pod.key.text());
    }
    const IdentityId identity = given->second.identity;
    Likeness likeness{
        .kind = kind, .identity = identity.value, .stretch = parties_.cuts_.start_of(address)};
    oracle::Party who{.pod = &pod, .address = address};
    const bool is_contended = identity == kUnknownIdentity;
    if (is_contended) {
      if (claimants(address) < 2) {
        return fail("the compile makes {} of pod {} unknown", address.text(), pod.key.text());
      }
      likeness.kind = kContended;
      who.pod = nullptr;
    }
    seated.seats.push_back(parties_.sit(likeness, who, identity, seated.is_local && !is_contended));
  }
  if (!pod.ips.empty()) return {};
  const auto given = now_.compiled->pods.find(pod.key);
  if (given == now_.compiled->pods.end()) {
    return fail("the compile gives pod {} no identity", pod.key.text());
  }
  seated.seats.push_back(
      parties_.sit({.kind = kind, .identity = given->second.value, .stretch = {}},
                   {.pod = &pod, .address = {}}, given->second, seated.is_local));
  return {};
}

// seat() has looked for those that are missing.
Status Parties::Step::check_addresses() const {
  for (const IpAddress& address : addresses_) {
    const auto known = now_.compiled->addresses.find(address);
    if (known == now_.compiled->addresses.end()) continue;
    const auto count = claimants(address);
    if (count == 0) {
      return fail("the compile names address {}, which no live pod has", address.text());
    }
    if (count == 1 && known->second.identity == kUnknownIdentity) {
      return fail("the compile takes address {} for nobody's, and one live pod has it",
                  address.text());
    }
  }
  return {};
}

Status Parties::Step::renew_pieces() {
  for (const Piece& piece : parties_.pieces_) {
    if (piece.asked) parties_.stand_up(piece.seat);
  }
  parties_.pieces_.clear();
  std::vector<IpAddress> starts;
  for (const auto& [start, count] : parties_.cuts_.starts()) starts.push_back(start);
  // A wrong island between two bounds of the text has its bounds in the table.
  for (const Family family : {Family::V4, Family::V6}) {
    const auto cuts = outside_cuts(table_, family);
    starts.insert(starts.end(), cuts.begin(), cuts.end());
  }
  std::ranges::sort(starts);
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  for (std::size_t i = 0; i < starts.size(); ++i) {
    Piece& piece = parties_.pieces_.emplace_back(Piece{.start = starts[i]});
    const auto end = i + 1 < starts.size() ? std::optional(starts[i + 1]) : std::nullopt;
    if (auto ok = ask(piece, end); !ok) return ok;
  }
  return {};
}

Status Parties::Step::renew_pieces_of_addresses() {
  auto& pieces = parties_.pieces_;
  for (const IpAddress& address : addresses_) {
    const auto behind = std::ranges::upper_bound(pieces, address, {}, &Piece::start);
    const auto end = behind != pieces.end() ? std::optional(behind->start) : std::nullopt;
    if (auto ok = ask(*std::prev(behind), end); !ok) return ok;
  }
  return {};
}

// One address of the piece that no pod has stands for all of them.
Status Parties::Step::ask(Piece& piece, const std::optional<IpAddress>& end) {
  if (piece.asked && claimants(*piece.asked) == 0) return {};
  const auto address = first_of_no_pod(piece.start, end);
  if (piece.asked) parties_.stand_up(piece.seat);
  piece.asked = address;
  if (!address) return {};
  const auto& cidrs = now_.cluster->settings.pod_cidrs;
  const bool is_in_cluster =
      std::ranges::any_of(cidrs, [&](const Prefix& prefix) { return prefix.contains(*address); });
  const IdentityId identity = table_.outside_identity(*address);
  if (is_in_cluster && identity != kUnknownIdentity) {
    return fail("{} (identity {}) belongs to no live pod, but is not unknown", address->text(),
                identity.value);
  }
  piece.seat = parties_.sit({.kind = is_in_cluster ? kNobodys : kOutside,
                             .identity = identity.value,
                             .stretch = parties_.cuts_.start_of(*address)},
                            {.pod = nullptr, .address = *address}, identity, false);
  return {};
}

std::optional<IpAddress> Parties::Step::first_of_no_pod(const IpAddress& start,
                                                        const std::optional<IpAddress>& end) const {
  const auto& claims = parties_.claims_;
  IpAddress address = start;
  for (auto claim = claims.lower_bound({start, nullptr}); claim != claims.end(); ++claim) {
    if (claim->first.address > address) break;
    const auto next = next_after(Prefix::host(claim->first.address));
    if (!next || (end && *next >= *end)) return std::nullopt;
    address = *next;
  }
  return address;
}

bool Parties::Step::is_local(const model::Pod& pod) const {
  const auto& local = local_of(now_);
  return !local || local->contains(pod.key);
}

std::size_t Parties::Step::claimants(const IpAddress& address) const {
  const auto& claims = parties_.claims_;
  std::size_t count = 0;
  for (auto claim = claims.lower_bound({address, nullptr});
       claim != claims.end() && claim->first.address == address; ++claim) {
    ++count;
  }
  return count;
}

}  // namespace bulkhead::verify
