// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/registry.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "control/endpoint/record.h"
#include "dataplane/api/messages.h"
#include "policy/base/whole_file.h"

namespace bulkhead::control::endpoint {
namespace {

namespace fs = std::filesystem;

constexpr const char* kGenerationFile = "generation";
constexpr std::uint32_t kGenerationsPerWrite = 1024;
constexpr std::size_t kMaxAddresses = dataplane::api::kMaxAddressesPerPort;

// Locally administered and unicast (IEEE 802: bits 1 and 0 of the first byte).
Result<MacAddress> random_mac() {
  MacAddress mac;
  if (::getrandom(mac.data(), mac.size(), 0) != static_cast<ssize_t>(mac.size())) {
    return fail("cannot get random bytes for a MAC address: {}", strerror(errno));
  }
  mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfc) | 0x02);
  return mac;
}

Result<std::uint32_t> read_generation(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return 0;
  const auto text = read_whole(file);
  if (!text) return tl::unexpected(text.error());
  std::uint32_t value = 0;
  const auto [end, parsed] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (parsed != std::errc{} || std::string_view(end, text->data() + text->size()) != "\n") {
    return fail("not a number");
  }
  return value;
}

}  // namespace

std::string text_of(const MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                     mac[4], mac[5]);
}

Result<MacAddress> parse_mac(std::string_view text) {
  MacAddress mac{};
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() != 17) return fail("'{}' is not a MAC address", text.substr(0, 32));
  for (std::size_t i = 0; i < mac.size(); ++i, ++at) {
    const auto [next, error] = std::from_chars(at, at + 2, mac[i], 16);
    const bool is_separated = next == end || *next == ':';
    if (error != std::errc{} || next != at + 2 || !is_separated) {
      return fail("'{}' is not a MAC address", text);
    }
    at = next;
  }
  return mac;
}

std::vector<IpAddress> EndpointRecord::ips() const {
  std::vector<IpAddress> addresses;
  for (const auto& ip : attachment.ips) {
    if (auto parsed = parse_interface_address(ip.address)) addresses.push_back(*parsed);
  }
  return addresses;
}

Result<Registry::Opened> Registry::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("cannot make {}: {}", folder.string(), error.message());
  const auto files = json_files(folder);
  if (!files) return tl::unexpected(files.error());

  Opened opened{Registry(folder), {}};
  Registry& registry = opened.registry;
  const auto skip = [&opened](const fs::path& file, const Error& why) {
    opened.skipped.push_back({why.text(), file.string()});
  };
  for (const auto& file : *files) {
    const auto text = read_whole(file);
    const auto record = text ? read_record(*text) : tl::unexpected(text.error());
    if (!record) {
      skip(file, record.error());
    } else if (file.filename() != file_name_of(record->key())) {
      skip(file, Error{"its name does not fit its content", {}});
    } else if (auto inserted = registry.insert(*record); !inserted) {
      skip(file, inserted.error());
    } else {
      registry.entries_.at(record->key()).is_stored = true;
      registry.last_generation_ = std::max(registry.last_generation_, record->generation);
    }
  }
  const auto generation = read_generation(folder / kGenerationFile);
  if (!generation) skip(folder / kGenerationFile, generation.error());
  registry.last_generation_ = std::max(registry.last_generation_, generation.value_or(0));
  registry.reserved_generation_ = registry.last_generation_;
  // Proves that the folder can be written before anything depends on it.
  if (auto reserved = registry.reserve_generations(); !reserved) {
    return tl::unexpected(reserved.error());
  }
  return opened;
}

Status Registry::reserve_generations() {
  const std::uint32_t upto = reserved_generation_ + kGenerationsPerWrite;
  if (upto < reserved_generation_) return fail("no generation number is left on this node");
  auto written =
      write_whole(folder_ / kGenerationFile, fmt::format("{}\n", upto), Durability::Machine);
  if (written) reserved_generation_ = upto;
  return written;
}

Result<std::uint32_t> Registry::next_generation() {
  if (last_generation_ == reserved_generation_) {
    if (auto reserved = reserve_generations(); !reserved) return tl::unexpected(reserved.error());
  }
  return ++last_generation_;
}

Result<PortId> Registry::lowest_free_port() const {
  PortId port = kFirstPodPort;
  for (const auto& [used, key] : by_port_) {
    if (used != port) break;
    ++port.value;
  }
  if (port.value >= dataplane::api::kMaxPorts) {
    return fail("all {} pod ports of this node are in use",
                dataplane::api::kMaxPorts - kFirstPodPort.value);
  }
  return port;
}

Status Registry::insert(const EndpointRecord& record) {
  const EndpointKey key = record.key();
  if (entries_.contains(key)) return fail("{}/{} is attached", key.container_id, key.ifname);
  if (record.port < kFirstPodPort || record.port.value >= dataplane::api::kMaxPorts) {
    return fail("port {} is no pod port", record.port.value);
  }
  if (by_port_.contains(record.port)) return fail("port {} is taken", record.port.value);
  const auto addresses = record.ips();
  if (addresses.empty() || addresses.size() > kMaxAddresses) {
    return fail("{} addresses: an endpoint has 1 to {}", addresses.size(), kMaxAddresses);
  }
  for (const auto& address : addresses) {
    const auto owner = by_address_.find(address);
    if (owner == by_address_.end()) continue;
    return fail("address {} belongs to {}/{}", address.text(), owner->second.container_id,
                owner->second.ifname);
  }
  entries_.emplace(key, Entry{record, false});
  by_port_.emplace(record.port, key);
  for (const auto& address : addresses) by_address_.emplace(address, key);
  return {};
}

Result<EndpointRecord> Registry::reserve(const api::AttachmentRequest& request) {
  EndpointRecord record;
  record.attachment = request;
  if (auto checked = check_key(record.key()); !checked) return tl::unexpected(checked.error());
  for (const auto& ip : request.ips) {
    if (auto parsed = parse_interface_address(ip.address); !parsed) {
      return tl::unexpected(parsed.error());
    }
  }
  const auto port = lowest_free_port();
  if (!port) return tl::unexpected(port.error());
  const auto generation = next_generation();
  if (!generation) return tl::unexpected(generation.error());
  const auto mac = random_mac();
  if (!mac) return tl::unexpected(mac.error());
  record.port = *port;
  record.generation = *generation;
  record.id = EndpointId{*generation};
  record.mac = *mac;
  record.mtu = request.mtu.value_or(1500);
  if (auto inserted = insert(record); !inserted) return tl::unexpected(inserted.error());
  return record;
}

Status Registry::store(const EndpointRecord& record) {
  const auto entry = entries_.find(record.key());
  if (entry == entries_.end()) {
    return fail("{}/{} was not reserved", record.attachment.container_id, record.attachment.ifname);
  }
  const bool is_same_place =
      entry->second.record.port == record.port && entry->second.record.ips() == record.ips();
  if (!is_same_place) return fail("a stored endpoint keeps its port and addresses");
  auto written =
      write_whole(folder_ / file_name_of(record.key()), json_of(record), Durability::Machine);
  if (written) entry->second = Entry{record, true};
  return written;
}

void Registry::abandon(const EndpointKey& key) {
  const auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.is_stored) return;
  by_port_.erase(entry->second.record.port);
  for (const auto& address : entry->second.record.ips()) by_address_.erase(address);
  entries_.erase(entry);
}

Status Registry::remove(const EndpointKey& key) {
  if (!check_key(key)) return {};
  const fs::path file = folder_ / file_name_of(key);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
    return fail("cannot remove {}: {}", file.string(), strerror(errno));
  }
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return {};
  entry->second.is_stored = false;
  abandon(key);
  return {};
}

const EndpointRecord* Registry::find(const EndpointKey& key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? nullptr : &entry->second.record;
}

const EndpointRecord* Registry::find(PortId port) const {
  const auto key = by_port_.find(port);
  return key == by_port_.end() ? nullptr : find(key->second);
}

const EndpointRecord* Registry::find(const IpAddress& address) const {
  const auto key = by_address_.find(address);
  return key == by_address_.end() ? nullptr : find(key->second);
}

std::vector<EndpointRecord> Registry::records() const {
  std::vector<EndpointRecord> stored;
  for (const auto& [key, entry] : entries_) {
    if (entry.is_stored) stored.push_back(entry.record);
  }
  return stored;
}

}  // namespace bulkhead::control::endpoint
