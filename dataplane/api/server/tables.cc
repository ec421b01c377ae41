// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/tables.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/api/stats.h"

namespace bulkhead::dataplane {
namespace {

// Whoever holds the other end of an unsealed memfd could change a table that was checked.
Result<std::shared_ptr<const Mapping>> map_sealed(const Fd& fd, std::uint64_t size) {
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const int seals = fcntl(fd.value(), F_GET_SEALS);
  if (seals < 0) return fail("not a memfd: {}", std::strerror(errno));
  if ((seals & kSeals) != kSeals) return fail("the memfd is not sealed against changes");
  struct stat status {};
  if (fstat(fd.value(), &status) != 0) return fail("cannot stat it: {}", std::strerror(errno));
  if (static_cast<std::uint64_t>(status.st_size) != size) {
    return fail("the memfd has {} bytes where {} were announced", status.st_size, size);
  }
  if (size == 0) return std::make_shared<const Mapping>();
  auto mapping = Mapping::of(fd.value(), size, PROT_READ);
  if (!mapping) return tl::unexpected(mapping.error());
  return std::make_shared<const Mapping>(std::move(*mapping));
}

}  // namespace

Result<std::shared_ptr<const LoadedTable>> LoadedTable::load(
    Revision revision, std::span<const api::SectionRef> references, std::vector<Fd> fds,
    const LoadedTable* current) {
  std::vector<Section> sections;
  std::vector<table::SectionBytes> borrowed;
  std::size_t next_fd = 0;
  for (const api::SectionRef& reference : references) {
    Section section{reference.kind, reference.checksum, nullptr};
    if (reference.has_fd != 0) {
      if (next_fd == fds.size()) return fail("a section's descriptor is missing");
      auto bytes = map_sealed(fds[next_fd++], reference.size);
      if (!bytes) return in_context(fmt::format("section {}", reference.kind), bytes.error());
      section.bytes = std::move(*bytes);
    } else {
      const auto known = [&](const Section& old) {
        return old.kind == reference.kind && old.checksum == reference.checksum &&
               old.bytes->bytes().size() == reference.size;
      };
      if (current != nullptr) {
        const auto old = std::ranges::find_if(current->sections_, known);
        if (old != current->sections_.end()) section.bytes = old->bytes;
      }
      if (section.bytes == nullptr) {
        return fail("section {} with checksum {:#x} is not of the table in force; send it",
                    reference.kind, reference.checksum);
      }
    }
    borrowed.push_back({section.kind, section.checksum, section.bytes->bytes()});
    sections.push_back(std::move(section));
  }
  auto view = table::TableView::open(borrowed, current != nullptr ? &current->view() : nullptr);
  if (!view) return tl::unexpected(view.error());
  if (view->revision() != revision) {
    return fail("the table is revision {}, the message says {}", view->revision().value,
                revision.value);
  }
  if (view->slot_limit() > api::kMaxCounterSlots) {
    return fail("the table counts in {} slots, there are {}", view->slot_limit(),
                api::kMaxCounterSlots);
  }
  return std::shared_ptr<const LoadedTable>(new LoadedTable(std::move(sections), std::move(*view)));
}

}  // namespace bulkhead::dataplane
