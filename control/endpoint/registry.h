// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "control/api/types.h"
#include "control/endpoint/wiring.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace bulkhead::control::endpoint {

// Ports of the node itself; pods get the lowest free number from kFirstPodPort on. The numbers
// between are for the configuration's ethdev ports.
inline constexpr PortId kNodePort{1};
inline constexpr PortId kOutsidePort{2};
inline constexpr PortId kFirstPodPort{16};

// "02:62:68:00:00:01"
[[nodiscard]] std::string text_of(const MacAddress& mac);
[[nodiscard]] Result<MacAddress> parse_mac(std::string_view text);

// The name of an attachment in CNI: what DEL knows.
struct EndpointKey {
  std::string container_id;
  std::string ifname;
  friend auto operator<=>(const EndpointKey&, const EndpointKey&) = default;
};

// One pod interface as it must survive an agent restart. Identities are not part of it: they follow
// from the inventory and are computed again.
struct EndpointRecord {
  api::AttachmentRequest attachment;  // as ADD asked; its timeout is not kept
  PortId port;
  EndpointId id;                 // never used again, like the generation
  std::uint32_t generation = 0;  // rises with every attachment on this node, for ever
  std::uint32_t mtu = 0;
  MacAddress mac{};
  std::uint64_t netns_inode = 0;

  [[nodiscard]] EndpointKey key() const { return {attachment.container_id, attachment.ifname}; }
  // The addresses of `attachment.ips`, by position; the registry holds no record where one is bad.
  [[nodiscard]] std::vector<IpAddress> ips() const;
};

// The attached pods of this node, one JSON file each in a folder, written whole (temporary file,
// fsync, rename). Thread: one, the owner's; the caller synchronises.
//
// ADD:  reserve -> wire_pod -> (data plane acknowledges) -> store, or abandon.
// DEL:  unwire_pod, data plane detaches -> remove.
class Registry {
 public:
  struct Opened;
  // Reads the folder, making it when missing. Files that are no valid record, and the later of two
  // that claim one port or address, are left where they are and named in `skipped`. Fails when
  // the folder cannot be read or written.
  [[nodiscard]] static Result<Opened> open(const std::filesystem::path& folder);

  // Chooses port, id, generation and MAC, and holds them in memory only: a crash before store()
  // leaves no record. Fails when the key or one of its addresses is taken, an address or name is
  // bad, or no port is free.
  [[nodiscard]] Result<EndpointRecord> reserve(const api::AttachmentRequest& request);
  // Writes a reserved or known record to disk. On failure the record stays as it was.
  [[nodiscard]] Status store(const EndpointRecord& record);
  // Gives a reservation's port back; nothing when it was stored or is unknown.
  void abandon(const EndpointKey& key);
  // Forgets a record on disk and in memory, also one that open() skipped; succeeds for the unknown.
  [[nodiscard]] Status remove(const EndpointKey& key);

  // Also for host ports: one number sequence for the whole node.
  [[nodiscard]] Result<std::uint32_t> next_generation();

  // Null when unknown. Reservations are found by key, and only stored records are in records().
  [[nodiscard]] const EndpointRecord* find(const EndpointKey& key) const;
  [[nodiscard]] const EndpointRecord* find(PortId port) const;
  [[nodiscard]] const EndpointRecord* find(const IpAddress& address) const;
  // In order of key.
  [[nodiscard]] std::vector<EndpointRecord> records() const;

 private:
  struct Entry {
    EndpointRecord record;
    bool is_stored = false;
  };

  explicit Registry(std::filesystem::path folder) : folder_(std::move(folder)) {}

  [[nodiscard]] Status insert(const EndpointRecord& record);
  [[nodiscard]] Status reserve_generations();
  [[nodiscard]] Result<PortId> lowest_free_port() const;

  std::filesystem::path folder_;
  std::map<EndpointKey, Entry> entries_;
  std::map<IpAddress, EndpointKey> by_address_;
  std::map<PortId, EndpointKey> by_port_;
  std::uint32_t last_generation_ = 0;
  // Up to here the disk already says "used": a restart continues behind it, a write is due only
  // once every 1024 attachments.
  std::uint32_t reserved_generation_ = 0;
};

struct Registry::Opened {
  Registry registry;
  std::vector<Error> skipped;  // `where` is the file
};

// A DEL that the plugin served while the agent was away.
struct Tombstone {
  EndpointKey key;
  std::string netns;  // may be empty
  std::filesystem::path file;
};
struct Tombstones {
  std::vector<Tombstone> tombstones;  // in order of key
  std::vector<Error> skipped;         // unreadable files; they stay
};
// A missing folder holds no tombstones. Apply each (detach what it names), then remove it.
[[nodiscard]] Tombstones read_tombstones(const std::filesystem::path& folder);
// Succeeds when it is gone already.
[[nodiscard]] Status remove_tombstone(const Tombstone& tombstone);

}  // namespace bulkhead::control::endpoint
