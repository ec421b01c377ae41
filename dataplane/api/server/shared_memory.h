// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "dataplane/api/events.h"
#include "dataplane/api/stats.h"
#include "policy/base/fd.h"
#include "policy/base/result.h"

namespace bulkhead::dataplane {

// A memory mapping, unmapped when it goes.
class Mapping {
 public:
  Mapping() = default;
  Mapping(void* address, std::size_t size) : address_(address), size_(size) {}
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  // Shared; fails naming the system's reason.
  [[nodiscard]] static Result<Mapping> of(int fd, std::size_t size, int protection);

  [[nodiscard]] std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(address_), size_};
  }

 private:
  void* address_ = nullptr;
  std::size_t size_ = 0;
};

// The statistics page and the event rings, in memfds whose size is sealed: an agent cannot shrink
// them under us. Untouched parts cost no memory.
class SharedMemory {
 public:
  [[nodiscard]] static Result<SharedMemory> make(std::size_t workers);

  [[nodiscard]] api::StatsPage& stats() const {
    return *reinterpret_cast<api::StatsPage*>(stats_.bytes().data());
  }
  [[nodiscard]] api::EventRings& events() const {
    return *reinterpret_cast<api::EventRings*>(events_.bytes().data());
  }
  [[nodiscard]] int stats_fd() const { return stats_fd_.value(); }  // read-only
  [[nodiscard]] int events_fd() const { return events_fd_.value(); }

 private:
  Fd stats_fd_;
  Fd events_fd_;
  Mapping stats_;
  Mapping events_;
};

}  // namespace bulkhead::dataplane
