// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "dataplane/api/messages.h"
#include "dataplane/api/server/shared_memory.h"
#include "policy/base/fd.h"
#include "policy/base/result.h"
#include "policy/table/view.h"

namespace bulkhead::dataplane {

// A policy table in force: a checked view and the sections it reads, each mapped from a sealed
// memfd and shared with the tables that re-use it. Immutable.
class LoadedTable {
 public:
  // Takes new sections from `fds` (in order of the references with has_fd = 1) and the others, by
  // kind and checksum, from `current` (null: there is none). Everything is checked: seals, sizes,
  // checksums, indices, and that the view is of `revision`. Fails with nothing changed.
  [[nodiscard]] static Result<std::shared_ptr<const LoadedTable>> load(
      Revision revision, std::span<const api::SectionRef> references, std::vector<Fd> fds,
      const LoadedTable* current);

  [[nodiscard]] const table::TableView& view() const { return view_; }

 private:
  struct Section {
    std::uint32_t kind = 0;
    std::uint64_t checksum = 0;
    std::shared_ptr<const Mapping> bytes;
  };
  LoadedTable(std::vector<Section> sections, table::TableView view)
      : sections_(std::move(sections)), view_(std::move(view)) {}

  std::vector<Section> sections_;
  table::TableView view_;
};

}  // namespace bulkhead::dataplane
