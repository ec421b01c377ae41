// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace bulkhead::dataplane {
namespace {

Result<Fd> sized_memfd(const char* name, std::size_t size) {
  Fd fd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.is_open() || ftruncate(fd.value(), static_cast<off_t>(size)) != 0 ||
      fcntl(fd.value(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    return fail("cannot make {} bytes of shared memory: {}", size, std::strerror(errno));
  }
  return fd;
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(address_, other.address_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (address_ != nullptr) munmap(address_, size_);
}

Result<Mapping> Mapping::of(int fd, std::size_t size, int protection) {
  void* address = mmap(nullptr, size, protection, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) {
    return fail("cannot map {} bytes: {}", size, std::strerror(errno));
  }
  return Mapping(address, size);
}

Result<SharedMemory> SharedMemory::make(std::size_t workers) {
  SharedMemory shared;
  auto stats = sized_memfd("bulkhead-stats", sizeof(api::StatsPage));
  if (!stats) return tl::unexpected(stats.error());
  auto events = sized_memfd("bulkhead-events", sizeof(api::EventRings));
  if (!events) return tl::unexpected(events.error());
  auto stats_map = Mapping::of(stats->value(), sizeof(api::StatsPage), PROT_READ | PROT_WRITE);
  if (!stats_map) return tl::unexpected(stats_map.error());
  auto events_map = Mapping::of(events->value(), sizeof(api::EventRings), PROT_READ | PROT_WRITE);
  if (!events_map) return tl::unexpected(events_map.error());
  // The agent gets a descriptor that cannot write, and opening it anew by /proc does not help it:
  // ours stays the only writable mapping (Linux 5.1; before, the descriptor has to do).
  static_cast<void>(fcntl(stats->value(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
  for (const Fd* memory : {&*stats, &*events}) {
    if (fcntl(memory->value(), F_ADD_SEALS, F_SEAL_SEAL) != 0) {
      return fail("cannot seal shared memory: {}", std::strerror(errno));
    }
  }
  const std::string path = "/proc/self/fd/" + std::to_string(stats->value());
  shared.stats_fd_ = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!shared.stats_fd_.is_open()) {
    return fail("cannot open the statistics page read-only: {}; is /proc mounted?",
                std::strerror(errno));
  }
  shared.stats_ = std::move(*stats_map);
  shared.events_ = std::move(*events_map);
  shared.events_fd_ = std::move(*events);

  // All counters are zero already; only what names the pages is written.
  api::StatsPage& page = shared.stats();
  page.magic = api::kStatsMagic;
  page.major = api::kMajor;
  page.minor = api::kMinor;
  page.workers = static_cast<std::uint32_t>(workers);
  page.pid = static_cast<std::uint32_t>(getpid());
  api::EventRings& rings = shared.events();
  rings.magic = 0x42484556;
  rings.major = api::kMajor;
  rings.minor = api::kMinor;
  rings.workers = static_cast<std::uint32_t>(workers);
  return shared;
}

}  // namespace bulkhead::dataplane
