// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dataplane/api/messages.h"
#include "policy/base/fd.h"
#include "policy/base/ip.h"

namespace bulkhead::scenario {

// A network namespace with a TAP `eth0` wired as design.md 5.1 says, both families, and the
// kernel's own stack in it. Gone when the object goes; never seen by the test's own namespace.
class Pod {
 public:
  Pod(std::uint32_t number, std::string name, std::size_t queues);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] IpAddress address(Family family) const;
  [[nodiscard]] dataplane::api::AttachPort attachment(std::uint32_t generation) const;
  [[nodiscard]] std::vector<int> queue_fds() const;
  void close_queues() { queues_.clear(); }

  // Runs on a thread inside the namespace.
  void inside(const std::function<void()>& work) const;
  void command(const std::string& line) const;

  // A TCP server socket on all addresses of the family, and a UDP one.
  [[nodiscard]] Fd listen_tcp(Family family, std::uint16_t port) const;
  [[nodiscard]] Fd bind_udp(Family family, std::uint16_t port) const;

  // A connected socket; closed when the connection was refused or not answered in time.
  [[nodiscard]] Fd connect_tcp(const IpAddress& to, std::uint16_t port, int timeout_ms) const;
  // Sends one datagram from a new socket.
  void send_udp(const IpAddress& to, std::uint16_t port) const;

 private:
  std::uint32_t number_;
  std::string name_;
  Fd netns_;
  std::vector<Fd> queues_;
};

// True when `fd` has something to read (or a connection to accept) in time.
[[nodiscard]] bool is_readable(const Fd& fd, int timeout_ms);

}  // namespace bulkhead::scenario
