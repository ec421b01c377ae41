// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "dataplane/port/port.h"
#include "policy/base/fd.h"
#include "tests/unit/dataplane/port/eal_environment.h"

namespace bulkhead::dataplane {
namespace {

using namespace std::chrono_literals;

constexpr PortId kPort{7};
constexpr std::size_t kBuffers = 256;

// A TAP in a network namespace of the test's own, and a packet socket at its kernel side.
class Device {
 public:
  explicit Device(const char* name) : name_(name) {
    fd_ = Fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ifreq request = named();
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    EXPECT_EQ(ioctl(fd_.value(), TUNSETIFF, &request), 0) << std::strerror(errno);
    int header = 12;
    EXPECT_EQ(ioctl(fd_.value(), TUNSETVNETHDRSZ, &header), 0);
    set_up(true);
    // SOCK_RAW on a protocol of our own: the namespace's IPv6 chatter stays out.
    socket_ = Fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kProtocol)));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kProtocol);
    address.sll_ifindex = static_cast<int>(if_nametoindex(name));
    EXPECT_EQ(bind(socket_.value(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }

  static constexpr std::uint16_t kProtocol = 0x88b5;  // IEEE 802 local experiments

  void set_up(bool is_up) {
    const Fd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = named();
    request.ifr_flags = is_up ? IFF_UP : 0;
    EXPECT_EQ(ioctl(control.value(), SIOCSIFFLAGS, &request), 0);
  }

  void remove() {
    const std::string command = "ip link del " + name_;
    EXPECT_EQ(std::system(command.c_str()), 0);
  }

  // From the kernel's side, as a pod's stack would send.
  void inject(std::uint8_t number, std::size_t bytes = 60) {
    std::vector<std::uint8_t> frame(bytes, number);
    frame[12] = kProtocol >> 8;
    frame[13] = kProtocol & 0xff;
    ASSERT_EQ(send(socket_.value(), frame.data(), frame.size(), 0),
              static_cast<ssize_t>(frame.size()))
        << std::strerror(errno);
  }

  // What reached the kernel's side: the byte after the Ethernet header, or -1.
  int taken() {
    std::array<std::uint8_t, 2048> frame{};
    timeval limit{1, 0};
    setsockopt(socket_.value(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    const ssize_t count = recv(socket_.value(), frame.data(), frame.size(), 0);
    return count < 15 ? -1 : frame[14];
  }

  [[nodiscard]] int fd() const { return fd_.value(); }

 private:
  ifreq named() {
    ifreq request{};
    std::strncpy(request.ifr_name, name_.c_str(), IFNAMSIZ - 1);
    return request;
  }
  std::string name_;
  Fd fd_;
  Fd socket_;
};

class TapIoTest : public testing::TestWithParam<IoMethod> {
 protected:
  void SetUp() override {
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "needs root for a TAP in a network namespace of its own";
    }
    const auto choice = GetParam() == IoMethod::Uring ? IoChoice::Uring : IoChoice::Epoll;
    if (const auto probe = probe_io(choice); !probe) GTEST_SKIP() << probe.error().text();
    ASSERT_TRUE(eal_for_tests());
    auto pool = BufferPool::make("frames", kBuffers, kBufferBytes);
    ASSERT_TRUE(pool) << pool.error().text();
    pool_ = std::move(*pool);
    auto io = make_tap_io(GetParam(), *pool_, ledger_);
    ASSERT_TRUE(io) << io.error().text();
    io_ = std::move(*io);
  }

  // Our frames in order of arrival, by their fill byte; chatter of the kernel is left out.
  std::vector<std::uint8_t> receive(std::size_t wanted) {
    std::vector<std::uint8_t> numbers;
    const auto end = std::chrono::steady_clock::now() + 2s;
    while (numbers.size() < wanted && std::chrono::steady_clock::now() < end) {
      io_->wait(100ms);
      Batch batch;
      io_->receive(batch);
      for (std::size_t i = 0; i < batch.size; ++i) {
        const auto* frame = rte_pktmbuf_mtod(batch.mbuf[i], const std::uint8_t*);
        if (batch.mbuf[i]->data_len >= 15 && frame[12] == 0x88 && frame[13] == 0xb5) {
          EXPECT_EQ(batch.in_port[i], kPort);
          numbers.push_back(frame[14]);
          last_bytes_ = batch.mbuf[i]->pkt_len;
        }
        pool_->give_back(batch.mbuf[i]);
      }
    }
    return numbers;
  }

  rte_mbuf* frame(std::uint8_t number) {
    rte_mbuf* buffer = pool_->take();
    auto* bytes = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(buffer, 60));
    if (bytes == nullptr) std::abort();
    std::memset(bytes - kVnetHeaderBytes, 0, kVnetHeaderBytes);
    std::memset(bytes, number, 60);
    std::memset(bytes, 0xff, 6);
    bytes[6] = 2;
    bytes[12] = 0x88;
    bytes[13] = 0xb5;
    return buffer;
  }

  void send(std::uint8_t number) {
    const Outgoing out{frame(number), kPort};
    io_->send(std::span(&out, 1));
    io_->flush();
    settle();
  }

  // Until the kernel has answered every write.
  void settle() {
    for (int round = 0; round < 100 && io_->pending() > 0; ++round) {
      io_->wait(10ms);
      Batch batch;
      io_->receive(batch);
      for (std::size_t i = 0; i < batch.size; ++i) pool_->give_back(batch.mbuf[i]);
    }
  }

  std::unique_ptr<BufferPool> pool_;
  Ledger ledger_;
  std::unique_ptr<TapIo> io_;
  std::uint32_t last_bytes_ = 0;
};

TEST_P(TapIoTest, ReceivesFramesInOrder) {
  Device device("dtap0");
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  for (std::uint8_t i = 1; i <= 200; ++i) device.inject(i);  // more than buffers are lent
  const auto numbers = receive(200);
  ASSERT_EQ(numbers.size(), 200u);
  for (std::size_t i = 0; i < 200; ++i) ASSERT_EQ(numbers[i], i + 1);
}

TEST_P(TapIoTest, PutsTheFrameRightAfterTheHeader) {
  Device device("dtap0");
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  device.inject(9, 1400);
  ASSERT_EQ(receive(1), std::vector<std::uint8_t>{9});
  EXPECT_EQ(last_bytes_, 1400u);
}

TEST_P(TapIoTest, SendsAndCountsWhatTheKernelTook) {
  Device device("dtap0");
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  send(42);
  EXPECT_EQ(device.taken(), 42);
  EXPECT_EQ(ledger_.sent_packets(), 1u);
  EXPECT_EQ(ledger_.dropped_packets(), 0u);
}

TEST_P(TapIoTest, DropsAsPortDownWhileTheLinkIsDown) {
  Device device("dtap0");
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  device.set_up(false);
  send(42);
  EXPECT_EQ(ledger_.sent_packets(), 0u);
  EXPECT_EQ(ledger_.drops()[static_cast<std::size_t>(DropReason::PortDown)], 1u);
  EXPECT_TRUE(io_->take_vanished().empty());
  device.set_up(true);
  send(43);
  EXPECT_EQ(ledger_.sent_packets(), 1u);
}

TEST_P(TapIoTest, DropsForAPortThatIsNotAttached) {
  send(1);
  EXPECT_EQ(ledger_.drops()[static_cast<std::size_t>(DropReason::PortDown)], 1u);
}

TEST_P(TapIoTest, ReportsAVanishedDeviceOnceAndNeverReadsItAgain) {
  Device device("dtap0");
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  device.remove();
  std::vector<Vanished> gone;
  for (int round = 0; round < 20; ++round) {
    io_->wait(5ms);
    Batch batch;
    io_->receive(batch);
    for (std::size_t i = 0; i < batch.size; ++i) pool_->give_back(batch.mbuf[i]);
    for (const Vanished& one : io_->take_vanished()) gone.push_back(one);
  }
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].port, kPort);
}

TEST_P(TapIoTest, AttachesAgainAfterDetach) {
  Device device("dtap0");
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  device.inject(1);
  ASSERT_EQ(receive(1).size(), 1u);
  io_->detach(kPort);
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  device.inject(2);
  EXPECT_EQ(receive(1), std::vector<std::uint8_t>{2});
}

TEST_P(TapIoTest, KeepsEveryBuffer) {
  Device device("dtap0");
  ASSERT_TRUE(io_->attach(kPort, device.fd()));
  for (std::uint8_t round = 0; round < 10; ++round) {
    for (std::uint8_t i = 1; i <= 50; ++i) device.inject(i);
    ASSERT_EQ(receive(50).size(), 50u);
  }
  for (std::uint8_t i = 1; i <= 50; ++i) send(i);
  io_.reset();
  EXPECT_EQ(pool_->in_use(), 0u);
}

TEST_P(TapIoTest, WakesFromAnotherThread) {
  std::jthread waker([this] { io_->wake(); });
  const auto begin = std::chrono::steady_clock::now();
  io_->wait(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

INSTANTIATE_TEST_SUITE_P(Methods, TapIoTest, testing::Values(IoMethod::Epoll, IoMethod::Uring),
                         [](const auto& info) {
                           return info.param == IoMethod::Uring ? "Uring" : "Epoll";
                         });

}  // namespace
}  // namespace bulkhead::dataplane
