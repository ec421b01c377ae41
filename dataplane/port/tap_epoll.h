// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "dataplane/port/port.h"
#include "policy/base/fd.h"

namespace bulkhead::dataplane {

// TAP queues by epoll, read(2) and write(2): works in every kernel and sandbox.
class EpollTapIo final : public TapIo {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TapIo>> make(BufferPool& pool, Ledger& ledger);
  ~EpollTapIo() override;

  [[nodiscard]] Status attach(PortId port, int fd) override;
  void detach(PortId port) override;
  void receive(Batch& batch) override;
  void send(std::span<const Outgoing> frames) override;
  void flush() override {}
  [[nodiscard]] std::size_t pending() const override { return 0; }
  void wait(std::chrono::nanoseconds timeout) override;
  void wake() override;
  [[nodiscard]] std::vector<Vanished> take_vanished() override;

 private:
  EpollTapIo(BufferPool& pool, Ledger& ledger, Fd epoll, Fd wakeup);
  void read_port(PortId port, Batch& batch);
  void vanish(PortId port, int error);

  BufferPool& pool_;
  Ledger& ledger_;
  Fd epoll_;
  Fd wakeup_;
  std::vector<int> fds_;  // by PortId::value, -1 = none
  rte_mbuf* spare_ = nullptr;
  std::vector<Vanished> vanished_;
};

}  // namespace bulkhead::dataplane
