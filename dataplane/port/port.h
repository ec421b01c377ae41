// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/packet/batch.h"
#include "dataplane/port/ledger.h"
#include "dataplane/port/pool.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace bulkhead::dataplane {

// A frame on its way out: the virtio-net header stands right before the frame. Whoever is given one
// owns the buffer.
struct Outgoing {
  rte_mbuf* buffer = nullptr;
  PortId port;
};

// A port whose device is gone. It is closed already and never read again.
struct Vanished {
  PortId port;
  int error_number = 0;
};

// All TAP queues of one worker: a single object, because readiness, the kernel's buffers and the
// submission of writes are shared. It is also where the worker sleeps. Thread: the worker, but for
// wake().
class TapIo {
 public:
  virtual ~TapIo() = default;

  // `fd` is borrowed and stays open until detach() has returned.
  [[nodiscard]] virtual Status attach(PortId port, int fd) = 0;
  virtual void detach(PortId port) = 0;

  // Appends received frames to the batch until it is full or no port has more. Frames of a port
  // come in the order the kernel queued them.
  virtual void receive(Batch& batch) = 0;

  // Each frame ends in the ledger exactly once, as sent or as dropped, now or in a later call.
  virtual void send(std::span<const Outgoing> frames) = 0;
  // Hands what send() collected to the kernel.
  virtual void flush() = 0;
  // Frames given to send() that are not in the ledger yet.
  [[nodiscard]] virtual std::size_t pending() const = 0;

  // Sleeps until a frame may be there, wake() was called, or the time is over (negative: no limit).
  virtual void wait(std::chrono::nanoseconds timeout) = 0;
  // Any thread.
  virtual void wake() = 0;

  // Ports that vanished since the last call.
  [[nodiscard]] virtual std::vector<Vanished> take_vanished() = 0;
};

// A port without a file descriptor to sleep on: it is asked, each loop. Thread: the worker that
// serves the queue.
class PolledQueue {
 public:
  virtual ~PolledQueue() = default;
  // Fills buffers from the front, returns how many.
  [[nodiscard]] virtual std::size_t receive(std::span<rte_mbuf*> buffers) = 0;
  // Each frame ends in the ledger exactly once, under this port.
  virtual void send(std::span<rte_mbuf* const> frames, PortId port, Ledger& ledger) = 0;
};

enum class IoMethod : std::uint8_t { Uring, Epoll };
enum class IoChoice : std::uint8_t { Auto, Uring, Epoll };

struct IoProbe {
  IoMethod method = IoMethod::Epoll;
  std::string reason;  // why that one, for status
};

// Finds out by trying whether this kernel and sandbox let us use io_uring with multishot reads.
// Fails when `choice` is Uring and it does not work.
[[nodiscard]] Result<IoProbe> probe_io(IoChoice choice);

// Made on the worker's own thread: an io_uring belongs to the thread that made it. `pool` and
// `ledger` are borrowed.
[[nodiscard]] Result<std::unique_ptr<TapIo>> make_tap_io(IoMethod method, BufferPool& pool,
                                                         Ledger& ledger);

}  // namespace bulkhead::dataplane
