// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/tap_check.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "policy/base/fd.h"

namespace bulkhead::dataplane {
namespace {

Fd open_queue(const char* name) {
  Fd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  EXPECT_EQ(ioctl(fd.value(), TUNSETIFF, &request), 0) << std::strerror(errno);
  int header = 12;
  EXPECT_EQ(ioctl(fd.value(), TUNSETVNETHDRSZ, &header), 0);
  return fd;
}

// In a network namespace of the test's own, on a thread that ends with it.
template <class Work>
void in_private_namespace(Work work) {
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    work();
  }).join();
}

TEST(TapCheck, TakesAQueueAndMakesItNonBlocking) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for a TAP";
  in_private_namespace([] {
    const Fd queue = open_queue("tap0");
    fcntl(queue.value(), F_SETFL, fcntl(queue.value(), F_GETFL) & ~O_NONBLOCK);
    EXPECT_TRUE(check_tap(queue.value()));
    EXPECT_NE(fcntl(queue.value(), F_GETFL) & O_NONBLOCK, 0);
    std::array<int, 2> pipe_ends{};
    ASSERT_EQ(pipe2(pipe_ends.data(), O_CLOEXEC), 0);
    const Fd in(pipe_ends[0]);
    const Fd out(pipe_ends[1]);
    EXPECT_FALSE(check_tap(in.value()));
  });
}

TEST(TapCheck, FindsTheQueuesOfADeletedDeviceWithoutBeingWoken) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for a TAP";
  in_private_namespace([] {
    const Fd gone = open_queue("gone0");
    const Fd stays = open_queue("stays0");
    const Fd gone_too = open_queue("gone0");
    const std::vector<int> fds{gone.value(), stays.value(), gone_too.value()};
    EXPECT_EQ(cut_off_queues(fds), std::vector<std::size_t>{});
    ASSERT_EQ(std::system("ip link del gone0"), 0);
    EXPECT_EQ(cut_off_queues(fds), (std::vector<std::size_t>{0, 2}));
  });
}

TEST(TapCheck, FindsNothingAmongNoQueues) {
  EXPECT_EQ(cut_off_queues({}), std::vector<std::size_t>{});
}

}  // namespace
}  // namespace bulkhead::dataplane
