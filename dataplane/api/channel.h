// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "dataplane/api/messages.h"
#include "policy/base/fd.h"
#include "policy/base/result.h"

namespace bulkhead::dataplane::api {

// One message as it came: header, body and arrays in `bytes`, descriptors in order. receive() has
// checked only that a whole header is there and that its size is the packet's; validate() checks
// the rest.
struct Message {
  std::vector<std::byte> bytes;
  std::vector<Fd> fds;

  [[nodiscard]] MessageHeader header() const;
  [[nodiscard]] MessageKind kind() const { return static_cast<MessageKind>(header().kind); }

  // The struct after the header; zeroed where the message is too short for it.
  template <class Body>
  [[nodiscard]] Body body() const {
    return at<Body>(sizeof(MessageHeader));
  }
  // Item `index` of the array after Body.
  template <class Body, class Item>
  [[nodiscard]] Item item(std::size_t index) const {
    return at<Item>(sizeof(MessageHeader) + sizeof(Body) + index * sizeof(Item));
  }

 private:
  template <class T>
  [[nodiscard]] T at(std::size_t offset) const {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (offset + sizeof(T) <= bytes.size()) std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
  }
};

// Header, body and the array that follows it, ready to send.
[[nodiscard]] std::vector<std::byte> encode_bytes(MessageKind kind, std::uint64_t sequence,
                                                  std::span<const std::byte> body,
                                                  std::span<const std::byte> items);

template <class Body>
[[nodiscard]] std::vector<std::byte> encode(MessageKind kind, std::uint64_t sequence,
                                            const Body& body) {
  return encode_bytes(kind, sequence, std::as_bytes(std::span(&body, 1)), {});
}
template <class Body, class Item>
[[nodiscard]] std::vector<std::byte> encode(MessageKind kind, std::uint64_t sequence,
                                            const Body& body, std::span<const Item> items) {
  return encode_bytes(kind, sequence, std::as_bytes(std::span(&body, 1)), std::as_bytes(items));
}
[[nodiscard]] inline std::vector<std::byte> encode(MessageKind kind, std::uint64_t sequence) {
  return encode_bytes(kind, sequence, {}, {});
}

// One end of dataplane.sock: a connected SOCK_SEQPACKET socket, used by agent and data plane alike.
// Not thread safe; sending and receiving may be on two threads.
class Channel {
 public:
  Channel() = default;
  explicit Channel(Fd socket) : socket_(std::move(socket)) {}

  // Fails naming the path and what to do when nothing listens there.
  [[nodiscard]] static Result<Channel> connect(const std::filesystem::path& path);

  // Sends one message whole, waiting up to timeout_ms for room. The descriptors stay the caller's.
  [[nodiscard]] Status send(std::span<const std::byte> message, std::span<const int> fds = {},
                            int timeout_ms = 1000);

  // One message; nullopt when none came within timeout_ms (0 = do not wait, -1 = for ever). Fails
  // when the peer closed ("closed by the peer"), or on a message without a whole header, whose size
  // is not the packet's, or that was longer than kMaxMessageBytes. Received descriptors are
  // close-on-exec.
  [[nodiscard]] Result<std::optional<Message>> receive(int timeout_ms);

  [[nodiscard]] int fd() const { return socket_.value(); }
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  void close() { socket_.reset(); }

 private:
  Fd socket_;
};

// The listening end: mode 0600, a stale socket file of a dead process is replaced.
[[nodiscard]] Result<Fd> listen_at(const std::filesystem::path& path);

// The next connection, or a closed Fd when there is none.
[[nodiscard]] Fd accept_at(int listener);

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
};
[[nodiscard]] Result<Peer> peer_of(int socket);

}  // namespace bulkhead::dataplane::api
