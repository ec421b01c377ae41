// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/validate.h"

#include <algorithm>
#include <cstring>

namespace bulkhead::dataplane::api {
namespace {

using Check = tl::expected<void, Invalid>;

template <class... Args>
tl::unexpected<Invalid> bad(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(
      Invalid{AckCode::BadMessage, Error{fmt::format(format, std::forward<Args>(args)...), {}}});
}

template <class T>
T read(std::span<const std::byte> bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The body is there, followed by exactly the bytes of its array.
template <class Body>
Check has_size(std::span<const std::byte> message, std::size_t array_bytes = 0) {
  const std::size_t wanted = sizeof(MessageHeader) + sizeof(Body) + array_bytes;
  if (message.size() != wanted) return bad("{} bytes where {} belong", message.size(), wanted);
  return {};
}
template <class Body>
bool has_body(std::span<const std::byte> message) {
  return message.size() >= sizeof(MessageHeader) + sizeof(Body);
}

Check check_address(const WireAddress& address) {
  if (address.family != 4 && address.family != 6) {
    return bad("address family {}, only 4 and 6 exist", address.family);
  }
  const bool has_tail = std::any_of(address.bytes + 4, address.bytes + 16,
                                    [](std::uint8_t byte) { return byte != 0; });
  if (address.family == 4 && has_tail) return bad("an IPv4 address of more than four bytes");
  return {};
}

Check check_port(std::uint32_t port) {
  if (port == 0 || port >= kMaxPorts) {
    return bad("port {} is out of range 1..{}", port, kMaxPorts - 1);
  }
  return {};
}

Check check_attach(std::span<const std::byte> message, std::size_t fd_count) {
  if (auto size = has_size<AttachPort>(message); !size) return size;
  const auto attach = read<AttachPort>(message, sizeof(MessageHeader));
  if (auto port = check_port(attach.port); !port) return port;
  if (attach.kind != PortKind::Tap && attach.kind != PortKind::Ethdev) {
    return bad("port kind {} is not one an agent attaches", static_cast<unsigned>(attach.kind));
  }
  if (attach.role < PortRole::Pod || attach.role > PortRole::Outside) {
    return bad("port role {} is unknown", static_cast<unsigned>(attach.role));
  }
  if (attach.role == PortRole::Pod && attach.endpoint == 0) {
    return bad("a pod's port needs an endpoint");
  }
  // 1280: what IPv6 demands of a link (RFC 8200 section 5); 61440: one frame, one buffer.
  if (attach.mtu < 1280 || attach.mtu > 61440) {
    return bad("mtu {} is out of range 1280..61440", attach.mtu);
  }
  if (attach.address_count > kMaxAddressesPerPort) {
    return bad("{} addresses, at most {}", attach.address_count, kMaxAddressesPerPort);
  }
  for (std::size_t i = 0; i < attach.address_count; ++i) {
    if (auto address = check_address(attach.addresses[i]); !address) return address;
  }
  if (std::memchr(attach.name, 0, sizeof attach.name) == nullptr) {
    return bad("the name does not end");
  }
  for (const char* c = attach.name; *c != 0; ++c) {
    if (*c < 0x21 || *c > 0x7e) return bad("the name holds a character that is not printable");
  }
  if ((attach.mac[0] & 1) != 0 || (attach.gateway_mac[0] & 1) != 0) {
    return bad("a multicast MAC address");
  }
  if (attach.kind == PortKind::Ethdev && fd_count != 0) {
    return bad("an ethdev port takes no descriptors");
  }
  return {};
}

template <class Body, class Item, class CheckItem>
Check check_list(std::span<const std::byte> message, CheckItem check_item) {
  if (!has_body<Body>(message)) return bad("{} bytes are too few", message.size());
  const auto count = read<Body>(message, sizeof(MessageHeader)).count;
  if (count > kMaxUpdatesPerMessage) {
    return bad("{} addresses in one message, at most {}", count, kMaxUpdatesPerMessage);
  }
  if (auto size = has_size<Body>(message, count * sizeof(Item)); !size) return size;
  for (std::size_t i = 0; i < count; ++i) {
    const auto offset = sizeof(MessageHeader) + sizeof(Body) + i * sizeof(Item);
    if (auto item = check_item(read<Item>(message, offset)); !item) return item;
  }
  return {};
}

Check check_update(const AddressUpdate& update) {
  if (auto address = check_address(update.address); !address) return address;
  if (update.port >= kMaxPorts) return bad("port {} is out of range", update.port);
  if (update.is_node > 1) return bad("is_node is {}, only 0 and 1 exist", update.is_node);
  return {};
}

constexpr std::uint32_t kMaxSections = kMaxFds;
// Of all sections: reading a sparse memfd allocates what it claims to have.
constexpr std::uint64_t kMaxTableBytes = std::uint64_t{1} << 30;

Check check_publish(std::span<const std::byte> message, std::size_t fd_count) {
  if (!has_body<PublishTable>(message)) return bad("{} bytes are too few", message.size());
  const auto publish = read<PublishTable>(message, sizeof(MessageHeader));
  if (publish.revision == 0) return bad("revision 0 means no table");
  if (publish.section_count == 0 || publish.section_count > kMaxSections) {
    return bad("{} sections, 1..{} belong", publish.section_count, kMaxSections);
  }
  if (auto size = has_size<PublishTable>(message, publish.section_count * sizeof(SectionRef));
      !size) {
    return size;
  }
  std::size_t wanted = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < publish.section_count; ++i) {
    const auto section = read<SectionRef>(
        message, sizeof(MessageHeader) + sizeof(PublishTable) + i * sizeof(SectionRef));
    if (section.has_fd > 1) return bad("section {}: has_fd is {}", i, section.has_fd);
    if (section.size > kMaxTableBytes || (bytes += section.size) > kMaxTableBytes) {
      return bad("section {}: a table has at most {} bytes", i, kMaxTableBytes);
    }
    wanted += section.has_fd;
  }
  if (wanted != fd_count) return bad("{} descriptors where {} belong", fd_count, wanted);
  return {};
}

Check check_configure(std::span<const std::byte> message) {
  if (auto size = has_size<Configure>(message); !size) return size;
  const auto configure = read<Configure>(message, sizeof(MessageHeader));
  if (configure.reevaluate_established > 1 || configure.reset_cut > 1) {
    return bad("a switch that is neither 0 nor 1");
  }
  return {};
}

Check check_detach(std::span<const std::byte> message) {
  if (auto size = has_size<DetachPort>(message); !size) return size;
  return check_port(read<DetachPort>(message, sizeof(MessageHeader)).port);
}

Check check_body(MessageKind kind, std::span<const std::byte> message, std::size_t fd_count) {
  switch (kind) {
    case MessageKind::Hello:
      return has_size<Hello>(message);
    case MessageKind::Configure:
      return check_configure(message);
    case MessageKind::AttachPort:
      return check_attach(message, fd_count);
    case MessageKind::DetachPort:
      return check_detach(message);
    case MessageKind::UpsertAddresses:
      return check_list<UpsertAddresses, AddressUpdate>(message, check_update);
    case MessageKind::RemoveAddresses:
      return check_list<RemoveAddresses, WireAddress>(message, check_address);
    case MessageKind::PublishTable:
      return check_publish(message, fd_count);
    case MessageKind::HelloReply:
    case MessageKind::PortState:
    case MessageKind::Ready:
    case MessageKind::Ack:
    case MessageKind::PortClosed:
      break;
  }
  return tl::unexpected(Invalid{
      AckCode::Unsupported,
      Error{fmt::format("message kind {} is not one an agent sends", static_cast<unsigned>(kind)),
            {}}});
}

}  // namespace

Check validate(std::span<const std::byte> message, std::size_t fd_count) {
  if (message.size() < sizeof(MessageHeader)) return bad("{} bytes hold no header", message.size());
  const auto header = read<MessageHeader>(message, 0);
  if (header.size != message.size()) {
    return bad("says {} bytes and has {}", header.size, message.size());
  }
  if (header.major != kMajor) {
    return tl::unexpected(Invalid{
        AckCode::Unsupported,
        Error{fmt::format("message version {}, this data plane reads {}", header.major, kMajor),
              {}}});
  }
  const auto kind = static_cast<MessageKind>(header.kind);
  const bool takes_fds = kind == MessageKind::AttachPort || kind == MessageKind::PublishTable;
  if (fd_count != 0 && !takes_fds) return bad("descriptors that nothing asked for");
  return check_body(kind, message, fd_count);
}

IpAddress from_wire(const WireAddress& address) {
  return address.family == 4 ? IpAddress::v4_from_wire(address.bytes)
                             : IpAddress::v6_from_wire(address.bytes);
}

WireAddress to_wire(const IpAddress& address) {
  WireAddress wire;
  std::memcpy(wire.bytes, address.bytes.data(), sizeof wire.bytes);
  wire.family = static_cast<std::uint8_t>(address.family);
  return wire;
}

}  // namespace bulkhead::dataplane::api
