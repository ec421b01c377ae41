// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/base/ids.h"
#include "policy/base/ip.h"

// What agent and data plane say to each other on /run/bulkhead/dataplane.sock (unix,
// SOCK_SEQPACKET): one message a packet, a MessageHeader followed by one of the structs below and,
// where it says so, an array. Host byte order, both ends are on one machine. File descriptors ride
// as SCM_RIGHTS. One agent at a time: a second connection is refused until the first closes.
//
// Order on a connection: agent sends Hello; data plane answers HelloReply (stats and event memory),
// then one PortState per port it still holds (fds handed back), then Ready. From then on every
// agent message is answered by exactly one Ack with its sequence number, sent after every worker
// has passed a quiescent state that saw the change. The data plane may send PortClosed at any time
// (sequence 0).
namespace bulkhead::dataplane::api {

inline constexpr std::uint16_t kMajor = 1;
inline constexpr std::uint16_t kMinor = 0;
inline constexpr std::size_t kMaxMessageBytes = 64 * 1024;
inline constexpr std::size_t kMaxFds = 32;
inline constexpr std::size_t kMaxAddressesPerPort = 8;
inline constexpr std::size_t kMaxPorts = 4096;  // PortId 1..4095
inline constexpr std::size_t kMaxWorkers = 4;

enum class MessageKind : std::uint16_t {
  Hello = 1,
  HelloReply = 2,
  PortState = 3,
  Ready = 4,
  Ack = 5,
  Configure = 10,
  AttachPort = 11,
  DetachPort = 12,
  UpsertAddresses = 13,
  RemoveAddresses = 14,
  PublishTable = 15,
  PortClosed = 30,
};

struct MessageHeader {
  std::uint32_t size = 0;  // of the whole message, this header included
  std::uint16_t kind = 0;
  std::uint16_t major = kMajor;
  std::uint16_t minor = kMinor;
  std::uint16_t reserved = 0;
  std::uint32_t pad = 0;
  std::uint64_t sequence = 0;
};
static_assert(sizeof(MessageHeader) == 24);

struct Hello {
  std::uint16_t lowest_major = kMajor;
  std::uint16_t highest_major = kMajor;
  std::uint32_t agent_pid = 0;
};

// Fds: [0] stats page memfd (read-only map), [1] event rings memfd, [2] eventfd that the data plane
// signals when a ring has something for a sleeping reader.
struct HelloReply {
  std::uint16_t lowest_major = kMajor;
  std::uint16_t highest_major = kMajor;
  std::uint16_t table_major = 0;  // the table format it reads
  std::uint16_t table_minor = 0;
  std::uint32_t pid = 0;
  std::uint16_t workers = 0;
  std::uint16_t queues_per_tap = 0;  // how many fds AttachPort must bring for a TAP
  std::uint64_t revision = 0;        // the table in force, 0 = none
  std::uint32_t epoch = 0;
  char io_method[16] = {};   // "io_uring" or "epoll"
  char io_reason[112] = {};  // why that one
};

enum class PortKind : std::uint8_t { Tap = 1, Ethdev = 2, Ring = 3 };

enum class PortRole : std::uint8_t {
  Pod = 1,      // one endpoint; source addresses must be its own
  Node = 2,     // bulkhead0: what this node itself originates
  Outside = 3,  // bulkhead1: what the node forwards; also where packets for elsewhere leave
};

struct WireAddress {
  std::uint8_t bytes[16] = {};
  std::uint8_t family = 0;  // 4 or 6
  std::uint8_t pad[7] = {};
};
static_assert(sizeof(WireAddress) == 24);

// Fds for Tap: queues_per_tap non-blocking TUN/TAP queues with IFF_VNET_HDR (12-byte header).
// Re-sending it for a known port with a higher generation replaces the endpoint in place (same fds
// if none are sent).
struct AttachPort {
  std::uint32_t port = 0;        // PortId, chosen by the agent
  std::uint32_t endpoint = 0;    // EndpointId, 0 for host ports
  std::uint32_t generation = 0;  // rises with every attach of this PortId
  PortKind kind = PortKind::Tap;
  PortRole role = PortRole::Pod;
  std::uint16_t mtu = 0;             // L3 bytes
  std::uint8_t mac[6] = {};          // the device's (the pod's) own address
  std::uint8_t gateway_mac[6] = {};  // what we answer for the gateway, source of what we deliver
  std::uint16_t address_count = 0;
  std::uint16_t flags = 0;
  std::uint64_t netns_inode = 0;
  WireAddress addresses[kMaxAddressesPerPort];
  char name[64] = {};  // for logs and status: interface name or devargs (Ethdev)
};

struct DetachPort {
  std::uint32_t port = 0;
  std::uint32_t generation = 0;  // must match, else the message is refused
};

// Body of PortState: what the data plane still holds for the agent. Fds: the port's queues.
struct PortState {
  AttachPort attached;
};

// Followed by `count` AddressUpdate. Identity changes raise the epoch.
struct UpsertAddresses {
  std::uint32_t count = 0;
  std::uint32_t pad = 0;
};
struct AddressUpdate {
  WireAddress address;
  std::uint32_t identity = 0;
  std::uint32_t port = 0;  // the local port it lives at; 0 = elsewhere (leaves by the Outside port)
  // 1 = an address of this node: delivered to the Node port, and the only kind of source whose
  // packets from the Node port are this node's own (identity kOwnNodeIdentity). Never a pod's.
  std::uint32_t is_node = 0;
  std::uint32_t pad = 0;
};
static_assert(sizeof(AddressUpdate) == 40);
inline constexpr std::size_t kMaxUpdatesPerMessage = 1024;

// Followed by `count` WireAddress.
struct RemoveAddresses {
  std::uint32_t count = 0;
  std::uint32_t pad = 0;
};

// Followed by `section_count` SectionRef. Fds: one sealed memfd per SectionRef with has_fd = 1, in
// order. A section with has_fd = 0 must be one of the table in force, by kind and checksum.
struct PublishTable {
  std::uint64_t revision = 0;
  std::uint32_t section_count = 0;
  std::uint32_t pad = 0;
};
struct SectionRef {
  std::uint32_t kind = 0;
  std::uint32_t has_fd = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};

struct Configure {
  std::uint8_t reevaluate_established = 1;  // 0 = keep
  std::uint8_t reset_cut = 0;               // established_cut: 1 = reset, 0 = drop
  std::uint8_t pad[6] = {};
};

enum class AckCode : std::uint32_t {
  Ok = 0,
  BadMessage = 1,   // malformed; nothing changed
  Unsupported = 2,  // version or kind; nothing changed
  Refused = 3,      // valid but not possible (unknown port, table invalid); nothing changed
  Failed = 4,       // tried, rolled back
};

struct Ack {
  AckCode code = AckCode::Ok;
  std::uint32_t epoch = 0;  // after the change
  std::uint64_t revision = 0;
  char message[240] = {};  // why not, one line
};

enum class CloseCause : std::uint32_t { Error = 1, Deleted = 2 };
struct PortClosed {
  std::uint32_t port = 0;
  std::uint32_t generation = 0;
  CloseCause cause = CloseCause::Error;
  std::int32_t error_number = 0;
};

}  // namespace bulkhead::dataplane::api
