// SPDX-License-Identifier: Apache-2.0
#include "policy/verify/state.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <set>

#include "policy/table/format.h"

namespace bulkhead::verify {
namespace {

// Numbers of kinds and written peers are never taken back: where most are of the past, all is
// numbered anew.
constexpr std::size_t kManyNumbers = 65536;

// The header but for its revision, which every table has anew.
bool have_same_header(const table::Section& one, const table::Section& other) {
  if (one.bytes.size() != other.bytes.size() || one.bytes.size() < sizeof(table::Header)) {
    return false;
  }
  constexpr std::size_t kFrom = offsetof(table::Header, revision);
  constexpr std::size_t kTo = kFrom + sizeof(table::Header::revision);
  return std::memcmp(one.bytes.data(), other.bytes.data(), kFrom) == 0 &&
         std::memcmp(one.bytes.data() + kTo, other.bytes.data() + kTo, one.bytes.size() - kTo) == 0;
}

tl::unexpected<Error> other_revision(Revision found, Revision wanted) {
  return fail("the table is of revision {}, not {}", found.value, wanted.value);
}

// Of sections of which nothing but the revision is new.
Status check_header(const compile::CompiledTable& compiled) {
  const table::Section& section = *std::ranges::find(
      compiled.sections, table::section_id(table::SectionKind::Header, 0), &table::Section::kind);
  table::Header header;
  std::memcpy(&header, section.bytes.data(), sizeof header);
  if (Revision{header.revision} != compiled.revision) {
    return other_revision(Revision{header.revision}, compiled.revision);
  }
  if (table::checksum_of(section.bytes.data(), section.bytes.size()) != section.checksum) {
    return fail("header: checksum does not match");
  }
  return {};
}

// What addresses of no pod are, by the table.
bool have_same_tries(const compile::CompiledTable& one, const compile::CompiledTable& other) {
  const auto tries_of = [](const compile::CompiledTable& compiled) {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> names;
    for (const auto& section : compiled.sections) {
      const auto kind = static_cast<table::SectionKind>(section.kind & 0xffu);
      if (kind >= table::SectionKind::TrieNodes4)
        names.emplace_back(section.kind, section.checksum);
    }
    return names;
  };
  return tries_of(one) == tries_of(other);
}

}  // namespace

bool Verifier::State::is_of_no_use_for(const Checked& next) const {
  if (!checked_.cluster) return false;
  const std::size_t kinds = parties_->kinds().size();
  return checked_.cluster->settings != next.cluster->settings ||
         kinds > kManyNumbers + 4 * std::size_t{parties_->size()} || written_.size() > kManyNumbers;
}

// By the names of the sections: the data plane too takes what is named alike for what it holds.
bool Verifier::State::has_same_bytes(const compile::CompiledTable& next) const {
  if (!opened_) return false;
  const compile::CompiledTable& last = *opened_->compiled;
  constexpr auto kHeader = table::section_id(table::SectionKind::Header, 0);
  const bool has_same_sections =
      std::ranges::equal(last.sections, next.sections, [&](const auto& a, const auto& b) {
        if (a.kind != b.kind || a.bytes.size() != b.bytes.size()) return false;
        return a.kind == kHeader ? have_same_header(a, b) : a.checksum == b.checksum;
      });
  return has_same_sections && last.slots == next.slots;
}

Result<std::unique_ptr<Verifier::State::Opened>> Verifier::State::open(const Checked& next) const {
  auto view =
      table::TableView::open(next.compiled->section_bytes(), opened_ ? &opened_->view : nullptr);
  if (!view) return tl::unexpected(view.error());
  if (view->revision() != next.compiled->revision) {
    return other_revision(view->revision(), next.compiled->revision);
  }
  return std::make_unique<Opened>(next.compiled, std::move(*view));
}

Status Verifier::State::follow(const Checked& next, std::uint64_t seed) {
  std::unique_ptr<Opened> before;
  bool has_other_tries = false;
  if (has_same_bytes(*next.compiled)) {
    if (auto ok = check_header(*next.compiled); !ok) return ok;
  } else {
    auto opened = open(next);
    if (!opened) return tl::unexpected(opened.error());
    has_other_tries = !opened_ || !have_same_tries(*opened_->compiled, *next.compiled);
    before = std::exchange(opened_, std::move(*opened));
    if (before) questions_ += before->check.questions();
  }
  mismatch_.reset();
  ++version_;
  is_broken_ = true;
  auto news = parties_->follow(checked_, next, opened_->view, has_other_tries);
  if (!news) return tl::unexpected(news.error());
  is_broken_ = false;

  for (const PartyId gone : news->gone) backlog_.remove(gone);
  const Scope scope = checked_.cluster ? scope_between(*checked_.cluster, *next.cluster) : Scope{};
  if (checked_.cluster && !(checked_.cluster->nodes == next.cluster->nodes)) readings_.clear();
  checked_ = next;
  note_text(scope, next);
  note_news(*news);
  follow_bytes(before.get(), *news);
  backlog_.arrange(*parties_, seed);
  change_pairs_ = backlog_.urgent_pairs(*parties_);
  begun_.reset();
  classified_.reset();
  return {};
}

// What is kept of a text goes where the text has changed.
void Verifier::State::note_text(const Scope& scope, const Checked& next) {
  const auto& cluster = *next.cluster;
  const Kinds& kinds = parties_->kinds();
  for (const std::string& space : scope.spaces) written_.ask_again(cluster, space);
  if (scope.is_empty()) return;
  const auto named = scope.namespaces();
  std::set<std::uint32_t> spaces;
  for (const std::string& name : named.value_or(scope.spaces)) {
    if (const auto space = kinds.space_of(name)) spaces.insert(*space);
  }
  const auto is_named = [&](std::uint32_t kind) {
    return !named || spaces.contains(kinds[kind].space);
  };
  std::erase_if(readings_, [&](const auto& entry) { return is_named(entry.first); });
  const auto add_subject = [&](PartyId id) {
    const model::Pod& pod = *(*parties_)[id].party.pod;
    for (const Direction direction : kDirections) {
      if (scope.has_subject(cluster, direction, pod)) {
        backlog_.add({id, direction}, Backlog::Cause::Text);
      }
    }
  };
  if (!named) std::ranges::for_each(parties_->subjects(), add_subject);
  for (const std::uint32_t space : spaces) {
    const bool is_other = scope.spaces.contains(kinds.spaces()[space]);
    for (const auto kind : kinds.in_space(space)) {
      for (const PartyId id : parties_->of_kind(kind)) {
        if (named && parties_->is_subject(id)) add_subject(id);
        if (is_other) backlog_.add_peer(id);
      }
    }
  }
}

void Verifier::State::note_news(const Parties::News& news) {
  for (const PartyId id : news.peers) backlog_.add_peer(id);
  for (const PartyId id : news.subjects) {
    for (const Direction direction : kDirections) {
      backlog_.add({id, direction}, Backlog::Cause::Text);
    }
  }
  for (const auto& [subject, peer] : news.pairs) backlog_.add_pair(subject, peer);
}

// Where the bytes answer otherwise, or from elsewhere, both readers are asked again: it may be what
// the text wants, or a bug that the text gives no hint of.
void Verifier::State::note_bytes(const Opened& before, const std::vector<PartyId>& new_peers) {
  const TableDiff diff({before.view, before.compiled->slots},
                       {opened_->view, opened_->compiled->slots}, residents_, named_);
  stamps_.resize(diff.rule_sets().size());
  for (std::uint32_t set = 0; set < stamps_.size(); ++set) {
    if (diff.rule_sets()[set]) stamps_[set] = version_;
  }
  const std::set<PartyId> is_new(new_peers.begin(), new_peers.end());
  for (const PartyId id : parties_->subjects()) {
    if (is_new.contains(id)) continue;
    for (const Direction direction : kDirections) {
      const bool is_asked_anyway = backlog_.next_of({id, direction}) == 0;
      if (is_asked_anyway) continue;
      if (diff.has_row(direction, parties_->identities()[id])) {
        backlog_.add({id, direction}, Backlog::Cause::Bytes);
      }
    }
  }
}

// Who of those that were asked about is where, by the bytes at hand; where they move, and what else
// the bytes change. `before`: null when they are the same.
void Verifier::State::follow_bytes(const Opened* before, const Parties::News& news) {
  const table::TableView& old = before != nullptr ? before->view : opened_->view;
  for (const IdentityId identity : news.gone_identities) residents_.leave(old, identity);
  if (before != nullptr) {
    named_.follow(&before->view, opened_->view);
    residents_.set_out(before->view, opened_->view);
    for (const Direction direction : kDirections) {
      const bool has_moves = !residents_.moves(direction).empty();
      if (has_moves) columns_[static_cast<std::size_t>(direction)].clear();
    }
    note_bytes(*before, news.peers);
    residents_.settle();
  } else if (stamps_.empty()) {
    named_.follow(nullptr, opened_->view);
    stamps_.assign(opened_->view.rule_sets().size(), version_);
  }
  for (const IdentityId identity : news.identities) residents_.arrive(opened_->view, identity);
  const bool has_other_parties = !news.peers.empty() || !news.gone.empty();
  if (!has_other_parties) return;
  for (auto& columns : columns_) columns.clear();
}

void Verifier::State::put_off() {
  backlog_.put_off();
  change_pairs_ = 0;
}

Report Verifier::State::report() const {
  Report report;
  report.compared = compared_;
  report.questions = questions_ + (opened_ ? opened_->check.questions() : 0);
  report.pairs = std::uint64_t{parties_->subjects().size()} * 2 * parties_->size();
  report.checked = report.pairs - std::min(report.pairs, backlog_.all_pairs(*parties_));
  return report;
}

Report Verifier::State::change() const {
  Report report = this->report();
  report.pairs = change_pairs_;
  report.checked = change_pairs_ - std::min(change_pairs_, backlog_.urgent_pairs(*parties_));
  return report;
}

}  // namespace bulkhead::verify
