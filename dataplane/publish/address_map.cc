// SPDX-License-Identifier: Apache-2.0
#include "dataplane/publish/address_map.h"

#include <sys/mman.h>

#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <random>

namespace bulkhead::dataplane {
namespace {

constexpr std::size_t kSlots = 2;
constexpr std::size_t kLookAhead = 64;  // buckets prefetched at once: one burst of packets

// One address in words that can be read and written atomically. `meta` is zero in a free slot.
struct Slot {
  std::atomic<std::uint64_t> address_low{0};
  std::atomic<std::uint64_t> address_high{0};
  std::atomic<std::uint32_t> identity{0};
  std::atomic<std::uint32_t> meta{0};  // family | is_node << 8 | port << 16
};

// `sequence` is odd while the writer changes the slots; a reader that sees it odd or changed reads
// again. `passed` counts the addresses that belong here or earlier and found their place later, so
// a reader knows when to stop.
struct alignas(64) Bucket {
  std::atomic<std::uint32_t> sequence{0};
  std::atomic<std::uint32_t> passed{0};
  std::array<Slot, kSlots> slot;
};
static_assert(sizeof(Bucket) == 64);

struct Words {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  explicit Words(const IpAddress& address) {
    std::memcpy(&low, address.bytes.data(), 8);
    std::memcpy(&high, address.bytes.data() + 8, 8);
  }
};

std::uint32_t family_bits(const IpAddress& address) {
  return static_cast<std::uint32_t>(address.family);
}

std::uint32_t pack(const IpAddress& address, const AddressRecord& record) {
  return family_bits(address) | (record.is_node ? 1u << 8 : 0u) | record.port.value << 16;
}

AddressRecord unpack(std::uint32_t identity, std::uint32_t meta) {
  return {IdentityId{identity}, PortId{meta >> 16}, (meta & 1u << 8) != 0, true};
}

}  // namespace

struct AddressMap::Impl {
  Bucket* buckets = nullptr;
  std::size_t mask = 0;
  std::size_t limit = 0;
  std::uint64_t seed = 0;
  std::atomic<std::size_t> used{0};
  std::atomic<std::uint32_t> epoch{1};  // writer: release, after the change; workers: acquire

  [[nodiscard]] std::size_t home(const IpAddress& address) const {
    const Words words(address);
    const auto product = static_cast<unsigned __int128>(words.low ^ seed ^ family_bits(address)) *
                         (words.high ^ 0x9e3779b97f4a7c15);
    const auto folded =
        static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    return static_cast<std::size_t>((folded * 0xd6e8feb86659fd93) >> 32) & mask;
  }

  struct Place {
    Bucket* bucket = nullptr;
    Slot* slot = nullptr;
  };

  static bool holds(const Slot& slot, const IpAddress& address) {
    const Words words(address);
    const auto meta = slot.meta.load(std::memory_order_relaxed);
    return (meta & 0xff) == family_bits(address) &&
           slot.address_low.load(std::memory_order_relaxed) == words.low &&
           slot.address_high.load(std::memory_order_relaxed) == words.high;
  }

  [[nodiscard]] Place locate(const IpAddress& address) const {
    for (std::size_t at = home(address);; at = (at + 1) & mask) {
      for (Slot& slot : buckets[at].slot) {
        if (holds(slot, address)) return {&buckets[at], &slot};
      }
      if (buckets[at].passed.load(std::memory_order_relaxed) == 0) return {};
    }
  }

  // The sequence goes odd before the stores and even after them: the release fence-free form of a
  // seqlock, each store being release so that a reader that sees it also sees the odd number.
  static void write(Place place, const Words& words, std::uint32_t identity, std::uint32_t meta) {
    auto& sequence = place.bucket->sequence;
    const auto before = sequence.load(std::memory_order_relaxed);
    sequence.store(before + 1, std::memory_order_relaxed);
    place.slot->address_low.store(words.low, std::memory_order_release);
    place.slot->address_high.store(words.high, std::memory_order_release);
    place.slot->identity.store(identity, std::memory_order_release);
    place.slot->meta.store(meta, std::memory_order_release);
    sequence.store(before + 2, std::memory_order_release);
  }

  // One bucket read whole: what it says about the address and whether the search goes on.
  static bool read(const Bucket& bucket, const IpAddress& address, AddressRecord& record) {
    const Words words(address);
    for (;;) {
      const auto before = bucket.sequence.load(std::memory_order_acquire);
      AddressRecord found;
      for (const Slot& slot : bucket.slot) {
        // Acquire partners with the release stores of write(): the re-read of the sequence below
        // cannot move before them.
        const auto low = slot.address_low.load(std::memory_order_acquire);
        const auto high = slot.address_high.load(std::memory_order_acquire);
        const auto identity = slot.identity.load(std::memory_order_acquire);
        const auto meta = slot.meta.load(std::memory_order_acquire);
        if ((meta & 0xff) == family_bits(address) && low == words.low && high == words.high) {
          found = unpack(identity, meta);
        }
      }
      const auto passed = bucket.passed.load(std::memory_order_acquire);
      if ((before & 1) == 0 && bucket.sequence.load(std::memory_order_relaxed) == before) {
        record = found;
        return !found.is_known && passed != 0;
      }
    }
  }

  [[nodiscard]] AddressRecord search(std::size_t at, const IpAddress& address) const {
    AddressRecord record;
    while (read(buckets[at], address, record)) at = (at + 1) & mask;
    return record;
  }

  void raise() {
    epoch.store(epoch.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
};

AddressMap::AddressMap(std::size_t capacity) : impl_(std::make_unique<Impl>()) {
  // One bucket of two slots per address: half full at most, so a search rarely leaves its bucket.
  const std::size_t count = std::bit_ceil(capacity < 8 ? std::size_t{8} : capacity);
  // Fresh anonymous pages are zero and cost memory only once used.
  void* memory = mmap(nullptr, count * sizeof(Bucket), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  impl_->buckets = static_cast<Bucket*>(memory);
  impl_->mask = count - 1;
  impl_->limit = capacity;
  std::random_device random;
  impl_->seed = std::uint64_t{random()} << 32 | random();
}

AddressMap::~AddressMap() { munmap(impl_->buckets, (impl_->mask + 1) * sizeof(Bucket)); }

bool AddressMap::upsert(const IpAddress& address, const AddressRecord& record) {
  const Words words(address);
  const auto meta = pack(address, record);
  if (const auto place = impl_->locate(address); place.slot != nullptr) {
    const bool same = place.slot->meta.load(std::memory_order_relaxed) == meta &&
                      place.slot->identity.load(std::memory_order_relaxed) == record.identity.value;
    if (same) return true;
    Impl::write(place, words, record.identity.value, meta);
    impl_->raise();
    return true;
  }
  if (size() >= impl_->limit) return false;
  // `passed` rises on the way, before the address appears: a reader that finds it has been told.
  for (std::size_t at = impl_->home(address);; at = (at + 1) & impl_->mask) {
    Bucket& bucket = impl_->buckets[at];
    for (Slot& slot : bucket.slot) {
      if (slot.meta.load(std::memory_order_relaxed) != 0) continue;
      Impl::write({&bucket, &slot}, words, record.identity.value, meta);
      impl_->used.fetch_add(1, std::memory_order_relaxed);
      impl_->raise();
      return true;
    }
    bucket.passed.fetch_add(1, std::memory_order_release);
  }
}

bool AddressMap::remove(const IpAddress& address) {
  const auto place = impl_->locate(address);
  if (place.slot == nullptr) return false;
  const IpAddress nothing;
  Impl::write(place, Words(nothing), 0, 0);
  for (std::size_t at = impl_->home(address); &impl_->buckets[at] != place.bucket;
       at = (at + 1) & impl_->mask) {
    impl_->buckets[at].passed.fetch_sub(1, std::memory_order_release);
  }
  impl_->used.fetch_sub(1, std::memory_order_relaxed);
  impl_->raise();
  return true;
}

void AddressMap::raise_epoch() { impl_->raise(); }

void AddressMap::lookup(std::span<const IpAddress> addresses,
                        std::span<AddressRecord> records) const {
  std::array<std::size_t, kLookAhead> home;
  for (std::size_t start = 0; start < addresses.size(); start += kLookAhead) {
    const std::size_t count = std::min(kLookAhead, addresses.size() - start);
    for (std::size_t i = 0; i < count; ++i) {
      home[i] = impl_->home(addresses[start + i]);
      __builtin_prefetch(&impl_->buckets[home[i]]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      records[start + i] = impl_->search(home[i], addresses[start + i]);
    }
  }
}

AddressRecord AddressMap::find(const IpAddress& address) const {
  return impl_->search(impl_->home(address), address);
}

Epoch AddressMap::epoch() const { return Epoch{impl_->epoch.load(std::memory_order_acquire)}; }

std::size_t AddressMap::size() const { return impl_->used.load(std::memory_order_relaxed); }

}  // namespace bulkhead::dataplane
