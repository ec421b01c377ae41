// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "policy/compile/compile.h"
#include "policy/compile/inventory.h"
#include "policy/compile/numbers.h"
#include "policy/compile/regions.h"
#include "policy/model/cluster.h"
#include "policy/table/trie_builder.h"

namespace bulkhead::compile {

// One thing policies can tell apart: a group's addresses in one region, or (kNoGroup) the addresses
// outside the cluster in one region. The world is the outside one without a region.
struct Identity {
  std::uint32_t group = kNoGroup;
  std::uint32_t region = kNoRegion;
  bool is_live = false;
};

// Every identity of a cluster, by its number; follows the cluster from version to version at the
// cost of what changed. Identities, groups and regions keep their numbers for their lives.
class Identities {
 public:
  // What a step came to.
  struct Change {
    std::vector<std::uint32_t> come;  // numbers of identities, ascending
    std::vector<std::uint32_t> gone;
    // Live pods that came, went or changed; null, kNoGroup: there was or is none.
    struct Move {
      model::PodPtr before;
      model::PodPtr now;
      std::uint32_t group_before = kNoGroup;
      std::uint32_t group_now = kNoGroup;
    };
    std::vector<Move> pods;
    bool moves_outside = false;
  };

  explicit Identities(const model::Settings& settings) : pod_cidrs_(settings.pod_cidrs) {}

  // `come` and `gone`: prefixes that are named for the first time, or no longer. New keys take
  // their numbers in the order of their texts. Settings may not differ. Fails when there are more
  // identities than a table can hold; what was followed is then of no use any more.
  [[nodiscard]] Result<Change> follow(const model::Cluster& before, const model::Cluster& now,
                                      std::span<const Prefix> come, std::span<const Prefix> gone,
                                      Numbers& numbers);

  [[nodiscard]] const Inventory& inventory() const { return inventory_; }
  [[nodiscard]] const Regions& regions() const { return regions_; }
  // By number; those that are not live are nobody.
  [[nodiscard]] const std::vector<Identity>& all() const { return all_; }
  // A group's identities, ascending.
  [[nodiscard]] std::vector<std::uint32_t> of_group(std::uint32_t group) const;
  // All that are in a region, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& of_region(std::uint32_t region) const;
  [[nodiscard]] bool is_live(IdentityId id) const {
    return id.value < all_.size() && all_[id.value].is_live;
  }

  // As CompiledTable has them.
  [[nodiscard]] const model::SharedMap<IpAddress, PodAddress>& addresses() const {
    return addresses_;
  }
  [[nodiscard]] const model::SharedMap<model::PodKey, IdentityId>& pods_without_address() const {
    return pods_without_address_;
  }
  [[nodiscard]] const model::SharedMap<IdentityId, std::shared_ptr<const std::string>>& keys()
      const {
    return keys_;
  }
  // What addresses that no pod owns are, pod CIDRs (unknown) included.
  [[nodiscard]] std::vector<table::OutsidePrefix> outside() const;

 private:
  // A group's addresses in one region.
  struct Part {
    std::uint32_t region = kNoRegion;
    std::uint32_t uses = 0;
    IdentityId id{};  // 0: not numbered yet
  };
  struct Outside {
    Prefix prefix;
    IdentityId id{};
  };
  struct Claim {
    IpAddress address;
    const model::Pod* pod = nullptr;
    std::uint32_t group = kNoGroup;
    std::uint32_t region = kNoRegion;
    bool is_gone = false;
  };
  void plan_pods(const model::Cluster& before, const model::Cluster& now,
                 const std::set<std::string>& moved_spaces, std::span<const Prefix> prefixes,
                 Change& change) const;
  void leave(Change::Move& move);
  void enter(const model::Cluster& now, Change::Move& move);
  void touch(std::uint32_t group, std::uint32_t region, bool is_gone);
  [[nodiscard]] Status number_outside(std::span<const Prefix> come, std::span<const Prefix> gone,
                                      Numbers& numbers, Change& change);
  [[nodiscard]] Status number_parts(Numbers& numbers, Change& change);
  [[nodiscard]] Status begin(const Identity& identity, std::string key, Numbers& numbers,
                             Change& change, IdentityId& id);
  void end(IdentityId id, Change& change);
  void settle_addresses(const model::Cluster& now);
  void settle(const IpAddress& address, std::span<const Claim> claims, const model::Cluster& now);
  [[nodiscard]] Part* find_part(std::uint32_t group, std::uint32_t region);

  std::vector<Prefix> pod_cidrs_;
  Inventory inventory_;
  Regions regions_;
  std::vector<Identity> all_;
  std::vector<std::vector<Part>> parts_;               // by group
  std::vector<std::vector<std::uint32_t>> of_region_;  // identities, by region
  std::vector<Outside> outside_;                       // in no order
  model::SharedMap<IpAddress, PodAddress> addresses_;
  std::map<IpAddress, std::set<model::PodKey>> shared_;  // addresses that several pods claim
  model::SharedMap<model::PodKey, IdentityId> pods_without_address_;
  model::SharedMap<IdentityId, std::shared_ptr<const std::string>> keys_;

  // Of the step under way.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> touched_;  // (group, region)
  std::vector<Claim> claims_;
  std::vector<Claim> bare_;  // of pods without an address
};

}  // namespace bulkhead::compile
