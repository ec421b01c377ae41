// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/compile.h"

#include "policy/compile/compiler.h"
#include "policy/compile/emit.h"
#include "policy/compile/identities.h"
#include "policy/compile/inventory.h"
#include "policy/compile/policy_index.h"
#include "policy/compile/regions.h"
#include "policy/compile/resolve.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"

namespace bulkhead::compile {
namespace {

// Peers that no policy names any more go when they have become this many.
constexpr std::size_t kMaxKeptSets = 1u << 16;

template <class Map>
bool are_same(const Map& before, const Map& now) {
  bool same = true;
  for_each_difference(before, now, [&](const auto&, const auto&, const auto&) { same = false; });
  return same;
}

}  // namespace

std::vector<table::SectionBytes> CompiledTable::section_bytes() const {
  return table::borrow(sections);
}

// What was made of a cluster's pods, namespaces and prefixes. Its members refer to one another.
class Compiler::Kept {
 public:
  Kept(const model::Cluster& from, Numbers& numbers)
      : cluster(from),
        policies(cluster),
        inventory(cluster),
        regions(policies.prefixes()),
        identities(number_identities(cluster, inventory, regions, numbers)),
        version(numbers.identity_version()) {
    forget_peers();
    for (auto& [address, identity, pod] : identities.addresses) {
      addresses.emplace(address, PodAddress{identity, std::move(pod)});
    }
    for (const auto& [key, identity] : identities.pods_without_address) pods.emplace(key, identity);
    for (const auto& key : identities.keys) {
      keys.emplace(numbers.identity(key), std::make_shared<const std::string>(key));
    }
  }

  // False where more changed than policies, or a policy changed what tells addresses apart.
  [[nodiscard]] bool follow(const model::Cluster& now, Numbers& numbers) {
    const bool same_pods =
        cluster.settings == now.settings && version == numbers.identity_version() &&
        are_same(cluster.namespaces, now.namespaces) && are_same(cluster.pods, now.pods);
    if (!same_pods) return false;
    const auto effect = policies.follow(cluster, now);
    cluster = now;
    if (resolver->sets().size() > kMaxKeptSets || resolver->members() > Resolver::kMaxMembers / 2) {
      forget_peers();
    }
    return !effect.moves_prefixes && !effect.names_namespace;
  }

  model::Cluster cluster;
  PolicyIndex policies;
  Inventory inventory;
  Regions regions;
  Identities identities;
  model::SharedMap<IpAddress, PodAddress> addresses;
  model::SharedMap<model::PodKey, IdentityId> pods;
  model::SharedMap<IdentityId, std::shared_ptr<const std::string>> keys;
  std::shared_ptr<const Numbers::Version> version;
  std::optional<Resolver> resolver;

 private:
  void forget_peers() { resolver.emplace(cluster.settings, inventory, regions, identities); }
};

Compiler::Compiler() = default;
Compiler::Compiler(Compiler&&) noexcept = default;
Compiler& Compiler::operator=(Compiler&&) noexcept = default;
Compiler::~Compiler() = default;

Result<CompiledTable> Compiler::compile(const model::Cluster& cluster, const LocalPods& local,
                                        Revision revision, Numbers& numbers,
                                        std::span<const Alias> aliases) {
  if (!kept_ || !kept_->follow(cluster, numbers)) {
    kept_.reset();  // before as much is made again
    kept_ = std::make_unique<Kept>(cluster, numbers);
  }
  const Identities& identities = kept_->identities;
  for (const Identity& identity : identities.all) {
    if (identity.id.value >= table::kMaxIdentities) {
      return fail("cannot compile: identity {} exceeds the limit of {}", identity.id.value,
                  table::kMaxIdentities);
    }
  }
  Resolver& resolver = *kept_->resolver;
  RuleBook book(resolver, kept_->inventory);
  const auto subjects =
      find_subjects(cluster, local, kept_->inventory, identities, kept_->policies, resolver, book);
  if (auto ok = resolver.check_limit(); !ok) return in_context("cannot compile", ok.error());

  CompiledTable compiled;
  compiled.revision = revision;
  if (auto ok =
          emit(book, resolver, kept_->inventory, identities, subjects, aliases, numbers, compiled);
      !ok) {
    return in_context("cannot compile", ok.error());
  }
  compiled.addresses = kept_->addresses;
  compiled.pods = kept_->pods;
  compiled.identity_keys = kept_->keys;
  return compiled;
}

Result<CompiledTable> compile(const model::Cluster& cluster, const LocalPods& local,
                              Revision revision, Numbers& numbers, std::span<const Alias> aliases) {
  return Compiler().compile(cluster, local, revision, numbers, aliases);
}

}  // namespace bulkhead::compile
