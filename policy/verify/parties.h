// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/base/ids.h"
#include "policy/base/result.h"
#include "policy/oracle/oracle.h"
#include "policy/table/view.h"
#include "policy/verify/checked.h"
#include "policy/verify/cuts.h"
#include "policy/verify/kinds.h"

namespace bulkhead::verify {

// Of Parties; taken again when nobody is left for whom it stood.
using PartyId = std::uint32_t;

// One end to ask about, and the identity the compile gave it.
struct Party {
  oracle::Party party;
  IdentityId identity;
  std::optional<std::uint32_t> kind = {};  // of Parties::kinds(); nothing for what is not a pod
  // Another pod that stands for the same, to ask about when the first is the subject itself.
  const model::Pod* other_pod = nullptr;
  std::optional<IpAddress> other_address = {};
  // An address of the cluster that no one pod owns: is unknown, and so denied.
  bool must_be_unknown = false;

  [[nodiscard]] std::string text() const;
};

// What the oracle tells about a party without looking at any policy. 0 is nobody.
using PartyFlags = std::uint8_t;
inline constexpr PartyFlags kIsSomebody = 1;
inline constexpr PartyFlags kIsPod = 2;
inline constexpr PartyFlags kIsOwnNode = 4;
inline constexpr PartyFlags kIsUnknown = 8;
inline constexpr PartyFlags kIsDns = 16;
inline constexpr PartyFlags kMustBeUnknown = 32;
inline constexpr std::size_t kFlagSets = 64;

// Whom to ask about: one party for all that the policy text cannot tell apart (one kind of pod, one
// stretch of addresses) *and* that were given the same identity. Follows a cluster from version to
// version; borrows pods of the last one. Thread: one.
class Parties {
 public:
  // What a version brought.
  struct News {
    std::vector<PartyId> peers;     // nobody was asked about
    std::vector<PartyId> subjects;  // of which no pod was local
    // Subject and peer that were one and the same pod before, and so said nothing.
    std::vector<std::pair<PartyId, PartyId>> pairs;
    std::vector<PartyId> gone;
    // Of which somebody is a party now and nobody was before, and the reverse.
    std::vector<IdentityId> identities;
    std::vector<IdentityId> gone_identities;
  };

  // Fails when the compile's addresses are not exactly those of the live pods; of no more use then.
  // `before`: empty at first. `table`: the bytes of `now`, whose settings are those of `before`.
  [[nodiscard]] Result<News> follow(const Checked& before, const Checked& now,
                                    const table::TableView& table, const bool has_other_tries);

  // Ids are below.
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(parties_.size()); }
  [[nodiscard]] const Party& operator[](PartyId id) const { return parties_[id]; }
  [[nodiscard]] bool is_somebody(PartyId id) const { return flags_[id] != 0; }
  // A local pod is one of it: it is asked about as a subject too.
  [[nodiscard]] bool is_subject(PartyId id) const { return locals_[id] != 0; }
  // All who are, in no order.
  [[nodiscard]] const std::vector<PartyId>& subjects() const { return subjects_; }
  // Some two pods of the two are not the same one.
  [[nodiscard]] bool are_two(PartyId subject, PartyId peer) const;

  // Beside the parties, to be walked fast.
  [[nodiscard]] const std::vector<PartyFlags>& flags() const { return flags_; }
  [[nodiscard]] const std::vector<IdentityId>& identities() const { return identities_; }

  [[nodiscard]] const Kinds& kinds() const { return kinds_; }
  [[nodiscard]] const std::vector<PartyId>& of_kind(std::uint32_t kind) const;
  // Those that have an address, by the stretch it is in.
  [[nodiscard]] const std::map<IpAddress, std::vector<PartyId>>& by_stretch() const {
    return by_stretch_;
  }

 private:
  // A pod at one of its addresses (or at none), or an address that stands for others of no pod.
  struct Seat {
    PartyId party = 0;
    std::uint32_t place = 0;  // in seats_of_[party]
    oracle::Party who;
    bool is_local = false;
  };
  using SeatId = std::uint32_t;
  struct SeatedPod {
    bool is_local = false;
    std::vector<SeatId> seats;
  };
  struct Likeness {
    std::uint32_t kind = 0;  // or one of those that are no pods
    std::uint32_t identity = 0;
    std::optional<IpAddress> stretch;
    friend bool operator==(const Likeness&, const Likeness&) = default;
  };
  struct LikenessHash {
    std::size_t operator()(const Likeness& key) const;
  };
  struct Claim {
    IpAddress address;
    const model::Pod* pod = nullptr;
    friend bool operator==(const Claim&, const Claim&) = default;
    friend auto operator<=>(const Claim&, const Claim&) = default;
  };
  // A piece of the address space that neither text nor table cut, by its first address.
  struct Piece {
    IpAddress start;
    std::optional<IpAddress> asked = {};  // that no pod has; nothing when there is none
    SeatId seat = 0;
  };
  class Step;  // parties_step.h
  friend class Step;

  // A party before the version at hand.
  struct Was {
    bool is_known = false;
    bool is_subject = false;
    bool is_two = false;
  };
  // Likeness::kind of what is no pod.
  static constexpr std::uint32_t kOwnNode = 0xffffffff;
  static constexpr std::uint32_t kOutside = 0xfffffffe;    // of the cluster
  static constexpr std::uint32_t kNobodys = 0xfffffffd;    // in it, of no pod
  static constexpr std::uint32_t kContended = 0xfffffffc;  // in it, of several pods
  static constexpr std::uint32_t kNotPods = kContended;    // and above
  [[nodiscard]] static bool is_unknown(const Likeness& likeness) {
    return likeness.kind == kNobodys || likeness.kind == kContended;
  }

  [[nodiscard]] SeatId sit(const Likeness& likeness, const oracle::Party& who, IdentityId identity,
                           const bool is_local);
  void stand_up(SeatId seat);
  [[nodiscard]] PartyId make_party(const Likeness& likeness, const oracle::Party& who,
                                   IdentityId identity);
  void remove_party(PartyId id);
  void touch(PartyId id);
  void choose_who_stands(PartyId id);
  void count_subject(PartyId id, std::int32_t by);
  void count_identity(IdentityId identity, std::int32_t by);
  [[nodiscard]] News take_news();
  void add_pairs(PartyId id, News& news) const;

  Kinds kinds_;
  AddressCuts cuts_;
  std::int64_t policies_that_name_nodes_ = 0;

  std::vector<Party> parties_;
  std::vector<PartyFlags> flags_;
  std::vector<IdentityId> identities_;
  std::vector<std::uint32_t> locals_;          // seats of local pods
  std::vector<std::vector<SeatId>> seats_of_;  // beside parties_
  std::vector<Likeness> likeness_of_;          // beside parties_
  std::vector<PartyId> free_;
  std::vector<PartyId> subjects_;
  std::vector<std::uint32_t> subject_places_;  // in subjects_, by party
  std::unordered_map<Likeness, PartyId, LikenessHash> by_likeness_;
  std::vector<std::vector<PartyId>> by_kind_;
  std::map<IpAddress, std::vector<PartyId>> by_stretch_;

  std::vector<Seat> seats_;
  std::vector<SeatId> free_seats_;
  std::unordered_map<const model::Pod*, SeatedPod> pods_;  // live ones
  model::SharedMap<Claim, char> claims_;                   // of live pods
  std::vector<Piece> pieces_;                              // ascending
  const model::Cluster* cluster_ = nullptr;                // of the version at hand

  std::vector<std::uint32_t> people_;  // parties, by identity

  // Since the last version.
  std::map<PartyId, Was> touched_;
  std::map<IdentityId, std::uint32_t> touched_identities_;  // people of them before
};

}  // namespace bulkhead::verify
