// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "policy/base/ids.h"
#include "policy/base/ip.h"

namespace bulkhead::dataplane {

struct AddressRecord {
  IdentityId identity;
  PortId port;            // 0 = not on this node
  bool is_node = false;   // an address of this node
  bool is_known = false;  // false: not in the map
};

// Address -> who lives there. One writer (the control thread), any number of reading workers, no
// locks. Pod churn touches only this map, never the table.
class AddressMap {
 public:
  explicit AddressMap(std::size_t capacity);
  ~AddressMap();
  AddressMap(const AddressMap&) = delete;
  AddressMap& operator=(const AddressMap&) = delete;

  // Writer only. Returns false when the map is full (nothing changed). Raises the epoch *after* the
  // change when the address's identity or port changed or the address was new.
  [[nodiscard]] bool upsert(const IpAddress& address, const AddressRecord& record);
  // Writer only. Raises the epoch when the address was present.
  bool remove(const IpAddress& address);
  // Writer only: a table was published.
  void raise_epoch();

  // Workers, in a burst: hash all, prefetch all, look up all. records as long as addresses.
  void lookup(std::span<const IpAddress> addresses, std::span<AddressRecord> records) const;
  [[nodiscard]] AddressRecord find(const IpAddress& address) const;

  // Workers read it once, before anything else of the burst; flows remember it.
  [[nodiscard]] Epoch epoch() const;
  [[nodiscard]] std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bulkhead::dataplane
