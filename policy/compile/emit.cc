// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/emit.h"

#include "policy/table/format.h"

namespace bulkhead::compile {
namespace {

Status add_aliases(std::span<const Alias> aliases, const Identities& identities,
                   table::TableBuilder& builder) {
  for (const auto& [retired, now] : aliases) {
    if (retired < kFirstDynamicIdentity || now < kFirstDynamicIdentity) {
      return fail("alias {} -> {}: reserved identities have none", retired.value, now.value);
    }
    if (retired.value >= table::kMaxIdentities) {
      return fail("alias {}: exceeds the limit of {} identities", retired.value,
                  table::kMaxIdentities);
    }
    if (!identities.is_live(retired) && identities.is_live(now)) builder.alias(retired, now);
  }
  return {};
}

}  // namespace

Status Emitter::emit(const EmitInputs& inputs, std::span<const Alias> aliases, Numbers& numbers,
                     CompiledTable& compiled) {
  const Identities& identities = inputs.identities;
  Decisions decisions(inputs.book, numbers, slots_, builder_);
  for (const Direction direction : kDirections) {
    const auto d = static_cast<std::size_t>(direction);
    const Columns& columns = inputs.columns[d];
    builder_.set_peers(direction, columns.of_identities());
    builder_.reserve_columns(direction, columns.count());
    if (direction == Direction::Ingress) {
      builder_.set_peer(kOwnNodeIdentity, direction, kOwnNodeColumn);
    }
    RowWriter rows(rows_[d], inputs.book, columns, inputs.port_lists, decisions, builder_);
    for (const Subject& subject : inputs.subjects) {
      const std::uint32_t own_ports = inputs.port_lists.number_of(
          inputs.book.ports_of(*identities.inventory().group(subject.group).pod));
      const IdentityId first{subject.identities.front()};
      const std::uint32_t row = rows.row_of(subject.stance(direction), own_ports, first);
      if (builder_.bytes() > table::kMaxTableBytes) {
        return fail("the table exceeds the limit of {} MiB", table::kMaxTableBytes >> 20);
      }
      for (const std::uint32_t id : subject.identities) {
        builder_.set_subject(IdentityId{id}, direction, row);
      }
    }
    rows.end();
  }
  if (auto ok = add_aliases(aliases, identities, builder_); !ok) return ok;
  builder_.set_tries(inputs.tries);
  auto sections = builder_.finish(compiled.revision, inputs.last);
  if (!sections) return tl::unexpected(sections.error());
  compiled.sections = std::move(*sections);
  slots_.settle(builder_.decisions());
  compiled.slots = slots_.infos();
  compiled.slot_keys = slots_.keys();
  numbers.remember(builder_.places());
  return {};
}

}  // namespace bulkhead::compile
