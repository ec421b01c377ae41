// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace bulkhead::dataplane::api {
namespace {

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof address.sun_path) {
    return fail_at(text, "is longer than the {} bytes a socket path may have",
                   sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool wait_for(int fd, short events, int timeout_ms) {
  pollfd waiting{fd, events, 0};
  int ready = 0;
  do {
    ready = poll(&waiting, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

std::vector<Fd> take_fds(msghdr& header) {
  std::vector<Fd> fds;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

MessageHeader Message::header() const { return at<MessageHeader>(0); }

std::vector<std::byte> encode_bytes(MessageKind kind, std::uint64_t sequence,
                                    std::span<const std::byte> body,
                                    std::span<const std::byte> items) {
  MessageHeader header;
  header.size = static_cast<std::uint32_t>(sizeof header + body.size() + items.size());
  header.kind = static_cast<std::uint16_t>(kind);
  header.sequence = sequence;
  const auto head = std::as_bytes(std::span(&header, 1));
  std::vector<std::byte> bytes;
  bytes.reserve(header.size);
  for (const auto part : {std::span<const std::byte>(head), body, items}) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

Result<Channel> Channel::connect(const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return fail("cannot make a socket: {}", std::strerror(errno));
  if (::connect(socket.value(), generic(*address), sizeof *address) != 0) {
    return fail_at(path.native(), "cannot connect: {}; is bulkhead-dataplane running?",
                   std::strerror(errno));
  }
  return Channel(std::move(socket));
}

Status Channel::send(std::span<const std::byte> message, std::span<const int> fds, int timeout_ms) {
  if (message.size() > kMaxMessageBytes || fds.size() > kMaxFds) {
    return fail("a message of {} bytes and {} descriptors is over the limit of {} and {}",
                message.size(), fds.size(), kMaxMessageBytes, kMaxFds);
  }
  iovec part{const_cast<std::byte*>(message.data()), message.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  }
  for (;;) {
    const ssize_t sent = sendmsg(socket_.value(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return fail("cannot send: {}", std::strerror(errno));
    if (!wait_for(socket_.value(), POLLOUT, timeout_ms)) {
      return fail("the peer does not read: no room for a message in {} ms", timeout_ms);
    }
  }
}

Result<std::optional<Message>> Channel::receive(int timeout_ms) {
  std::array<std::byte, kMaxMessageBytes> buffer;
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxFds)> control{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();

  if (timeout_ms != 0 && !wait_for(socket_.value(), POLLIN, timeout_ms)) {
    return std::optional<Message>();
  }
  ssize_t length = 0;
  do {
    length = recvmsg(socket_.value(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length < 0 && errno == EAGAIN) return std::optional<Message>();
  if (length < 0) return fail("cannot receive: {}", std::strerror(errno));
  if (length == 0) return fail("closed by the peer");

  Message message;
  message.fds = take_fds(header);
  message.bytes.assign(buffer.begin(), buffer.begin() + length);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return fail("a message longer than {} bytes or with more than {} descriptors", kMaxMessageBytes,
                kMaxFds);
  }
  if (message.bytes.size() < sizeof(MessageHeader) ||
      message.header().size != message.bytes.size()) {
    return fail("a message of {} bytes has no whole header or says another size",
                message.bytes.size());
  }
  return std::optional<Message>(std::move(message));
}

Result<Fd> listen_at(const std::filesystem::path& path) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) return fail("cannot make a socket: {}", std::strerror(errno));
  // The caller holds the lock of this root, so a socket file here is a dead process's.
  unlink(path.c_str());
  // The mode of the socket's inode is what bind() makes of it: narrow before it has a name.
  if (fchmod(socket.value(), 0600) != 0 ||
      bind(socket.value(), generic(*address), sizeof *address) != 0 ||
      chmod(path.c_str(), 0600) != 0 || listen(socket.value(), 4) != 0) {
    return fail_at(path.native(), "cannot listen: {}", std::strerror(errno));
  }
  return socket;
}

Fd accept_at(int listener) {
  return Fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return fail("cannot read the peer's credentials: {}", std::strerror(errno));
  }
  return Peer{credentials.pid, credentials.uid};
}

}  // namespace bulkhead::dataplane::api
