// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <liburing.h>

#include <array>
#include <vector>

#include "dataplane/port/port.h"
#include "policy/base/fd.h"

namespace bulkhead::dataplane {

// TAP queues by io_uring: one multishot read a queue fills buffers that we lend the kernel, writes
// are collected and submitted together with the next look for reads: one system call a loop. A
// multishot read keeps the order of frames, which several single reads would not.
class UringTapIo final : public TapIo {
 public:
  // Needs Linux 6.7. Fails naming the feature that is missing.
  [[nodiscard]] static Result<std::unique_ptr<TapIo>> make(BufferPool& pool, Ledger& ledger);
  ~UringTapIo() override;

  [[nodiscard]] Status attach(PortId port, int fd) override;
  void detach(PortId port) override;
  void receive(Batch& batch) override;
  void send(std::span<const Outgoing> frames) override;
  void flush() override;
  [[nodiscard]] std::size_t pending() const override { return pending_; }
  void wait(std::chrono::nanoseconds timeout) override;
  void wake() override;
  [[nodiscard]] std::vector<Vanished> take_vanished() override;

 private:
  // Buffers lent to the kernel at a time: two bursts, 8 MB of address space touched at most.
  static constexpr std::size_t kLent = 128;

  // One TAP queue. `token` tells completions of this attachment from those of an earlier one.
  struct Queue {
    std::uint32_t token = 0;
    bool is_attached = false;
    bool is_armed = false;
  };

  UringTapIo(BufferPool& pool, Ledger& ledger);
  [[nodiscard]] Status start();
  [[nodiscard]] Status provide_buffers();
  [[nodiscard]] io_uring_sqe* next_sqe();
  void arm(PortId port);
  void arm_wakeup();
  void arm_waiting();
  void lend_buffers();
  void on_read(const io_uring_cqe& cqe, Batch& batch);
  void on_write(const io_uring_cqe& cqe);
  void vanish(PortId port, int error);
  void forget(PortId port);
  void settle();

  BufferPool& pool_;
  Ledger& ledger_;
  Fd wakeup_;
  io_uring ring_{};
  bool has_ring_ = false;
  io_uring_buf_ring* lent_ring_ = nullptr;
  std::array<rte_mbuf*, kLent> lent_{};      // by buffer id; null = with us
  std::array<std::uint16_t, kLent> free_{};  // buffer ids to lend again
  std::size_t free_count_ = 0;
  std::vector<Queue> queues_;  // by PortId::value, which is also its fixed-file slot
  std::vector<PortId> to_arm_;
  std::size_t pending_ = 0;
  std::vector<Vanished> vanished_;
};

}  // namespace bulkhead::dataplane
