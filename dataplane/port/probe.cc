// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <liburing.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/port/port.h"
#include "dataplane/port/tap_epoll.h"
#include "dataplane/port/tap_uring.h"

namespace bulkhead::dataplane {
namespace {

constexpr std::uint8_t kReadMultishot = 49;

std::string text_of(int error) { return std::strerror(error); }

// A multishot read of one byte from a pipe into a provided buffer: everything UringTapIo leans on.
Status try_multishot(io_uring& ring) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return fail("pipe: {}", text_of(errno));
  const Fd read_end(ends[0]);
  const Fd write_end(ends[1]);

  constexpr std::size_t kEntries = 8;
  // The kernel wants a whole page.
  const std::unique_ptr<void, decltype(&std::free)> memory(std::aligned_alloc(4096, 4096),
                                                           &std::free);
  std::array<char, 64> target{};
  auto* buffers = static_cast<io_uring_buf_ring*>(memory.get());
  io_uring_buf_ring_init(buffers);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers);
  registration.ring_entries = kEntries;
  if (const int error = io_uring_register_buf_ring(&ring, &registration, 0); error < 0) {
    return fail("no buffer rings (Linux 5.19): {}", text_of(-error));
  }
  io_uring_buf_ring_add(buffers, target.data(), target.size(), 0, io_uring_buf_ring_mask(kEntries),
                        0);
  io_uring_buf_ring_advance(buffers, 1);

  io_uring_sqe* sqe = io_uring_get_sqe(&ring);
  io_uring_prep_rw(kReadMultishot, sqe, read_end.value(), nullptr, 0, static_cast<__u64>(-1));
  sqe->flags = IOSQE_BUFFER_SELECT;
  sqe->buf_group = 0;
  if (write(write_end.value(), "x", 1) != 1) return fail("pipe: {}", text_of(errno));
  io_uring_cqe* cqe = nullptr;
  __kernel_timespec limit{1, 0};
  const int waited = io_uring_submit_and_wait_timeout(&ring, &cqe, 1, &limit, nullptr);
  if (cqe == nullptr) return fail("no answer to a multishot read: {}", text_of(-waited));
  if (cqe->res != 1 || (cqe->flags & IORING_CQE_F_MORE) == 0) {
    return fail("no multishot reads (Linux 6.7): {}", text_of(cqe->res < 0 ? -cqe->res : 0));
  }
  return {};
}

Status try_uring() {
  io_uring ring{};
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  if (const int error = io_uring_queue_init_params(8, &ring, &params); error < 0) {
    if (error == -EPERM) return fail("io_uring is forbidden here (seccomp or io_uring_disabled)");
    if (error == -EINVAL) return fail("io_uring lacks deferred task work (Linux 6.1)");
    return fail("io_uring_setup: {}", text_of(-error));
  }
  Status works = try_multishot(ring);
  io_uring_queue_exit(&ring);
  return works;
}

}  // namespace

Result<IoProbe> probe_io(IoChoice choice) {
  if (choice == IoChoice::Epoll) return IoProbe{IoMethod::Epoll, "configured"};
  const Status works = try_uring();
  if (works) {
    return IoProbe{IoMethod::Uring,
                   choice == IoChoice::Uring ? "configured" : "multishot reads work here"};
  }
  if (choice == IoChoice::Uring) {
    return fail("io: uring does not work here: {}; set io: auto or io: epoll",
                works.error().text());
  }
  return IoProbe{IoMethod::Epoll, works.error().text()};
}

Result<std::unique_ptr<TapIo>> make_tap_io(IoMethod method, BufferPool& pool, Ledger& ledger) {
  switch (method) {
    case IoMethod::Uring:
      return UringTapIo::make(pool, ledger);
    case IoMethod::Epoll:
      return EpollTapIo::make(pool, ledger);
  }
  return fail("unknown I/O method");
}

}  // namespace bulkhead::dataplane
