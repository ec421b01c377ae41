// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/compile.h"

#include "policy/compile/emit.h"
#include "policy/compile/identities.h"
#include "policy/compile/inventory.h"
#include "policy/compile/regions.h"
#include "policy/compile/resolve.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"

namespace bulkhead::compile {

std::vector<table::SectionBytes> CompiledTable::section_bytes() const {
  return table::borrow(sections);
}

Result<CompiledTable> compile(const model::Cluster& cluster, const LocalPods& local,
                              Revision revision, Numbers& numbers, std::span<const Alias> aliases) {
  const Inventory inventory(cluster);
  const Regions regions(named_prefixes(cluster));
  Identities identities = number_identities(cluster, inventory, regions, numbers);
  for (const Identity& identity : identities.all) {
    if (identity.id.value >= table::kMaxIdentities) {
      return fail("cannot compile: identity {} exceeds the limit of {}", identity.id.value,
                  table::kMaxIdentities);
    }
  }
  Resolver resolver(cluster.settings, inventory, regions, identities);
  RuleBook book(resolver, inventory);
  const auto subjects = find_subjects(cluster, local, inventory, identities, resolver, book);

  CompiledTable compiled;
  compiled.revision = revision;
  if (auto ok = emit(book, resolver, inventory, identities, subjects, aliases, numbers, compiled);
      !ok) {
    return in_context("cannot compile", ok.error());
  }
  compiled.addresses = std::move(identities.addresses);
  compiled.pods = std::move(identities.pods_without_address);
  compiled.identity_keys = std::move(identities.keys);
  return compiled;
}

}  // namespace bulkhead::compile
