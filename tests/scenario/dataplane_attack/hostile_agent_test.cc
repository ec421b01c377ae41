// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <iostream>
#include <random>

#include "dataplane/api/events.h"
#include "dataplane/api/validate.h"
#include "tests/scenario/dataplane_attack/node.h"

// A peer on dataplane.sock that lies: whatever it says, the data plane lives and goes on enforcing.
namespace bulkhead::scenario {
namespace {

using namespace dataplane::api;

class HostileAgent : public Node {
 protected:
  void SetUp() override {
    Node::SetUp();
    if (IsSkipped()) return;
    start();
    connect();
    publish(1);
    attach(1);
  }

  static Fd memfd(std::size_t size, int seals) {
    Fd made(memfd_create("section", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(ftruncate(made.value(), static_cast<off_t>(size)), 0);
    EXPECT_TRUE(seals == 0 || fcntl(made.value(), F_ADD_SEALS, seals) == 0);
    return made;
  }
  AckCode publish_raw(const std::vector<SectionRef>& sections, const std::vector<int>& fds) {
    const PublishTable body{9, static_cast<std::uint32_t>(sections.size()), 0};
    return agent_
        ->say(encode(MessageKind::PublishTable, 5, body, std::span<const SectionRef>(sections)),
              fds)
        .code;
  }
};

TEST_F(HostileAgent, TablesThatAreNoTablesChangeNothing) {
  constexpr int kAll = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const Fd unsealed = memfd(4096, 0);
  const Fd half_sealed = memfd(4096, F_SEAL_SHRINK | F_SEAL_GROW);
  const Fd zeros = memfd(4096, kAll);
  const Fd sparse = memfd(std::size_t{1} << 30, kAll);
  const Fd pipe_like(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_NE(publish_raw({{1, 1, 4096, 0}}, {unsealed.value()}), AckCode::Ok);
  EXPECT_NE(publish_raw({{1, 1, 4096, 0}}, {half_sealed.value()}), AckCode::Ok);
  EXPECT_NE(publish_raw({{1, 1, 4096, 0}}, {zeros.value()}), AckCode::Ok);
  EXPECT_NE(publish_raw({{1, 1, 8192, 0}}, {zeros.value()}), AckCode::Ok);
  EXPECT_NE(publish_raw({{1, 1, 4096, 0}}, {pipe_like.value()}), AckCode::Ok);
  EXPECT_NE(publish_raw({{1, 1, 0, 0}}, {memfd(0, kAll).value()}), AckCode::Ok);
  // Two sections that claim one gigabyte each, and one of the same kind twice.
  EXPECT_NE(
      publish_raw({{1, 1, 1u << 30, 0}, {2, 1, 1u << 30, 0}}, {sparse.value(), sparse.value()}),
      AckCode::Ok);
  EXPECT_NE(publish_raw({{1, 1, 4096, 0}, {1, 1, 4096, 0}}, {zeros.value(), zeros.value()}),
            AckCode::Ok);
  // More and fewer descriptors than announced.
  EXPECT_EQ(publish_raw({{1, 1, 4096, 0}}, {}), AckCode::BadMessage);
  EXPECT_EQ(publish_raw({{1, 0, 4096, 0}}, {zeros.value()}), AckCode::BadMessage);
  EXPECT_EQ(publish_raw(std::vector<SectionRef>(33), {}), AckCode::BadMessage);
  EXPECT_EQ(agent_->stats().revision.load(), 1u);
  expect_enforced();
}

// Well-formed messages with one field changed at random, descriptors included.
TEST_F(HostileAgent, StructuredLiesChangeNothingThatMatters) {
  std::random_device device;
  const auto seed = device();
  std::cout << "seed " << seed << "\n";
  std::minstd_rand engine(seed);
  const auto random = [&] { return static_cast<std::uint32_t>(engine()); };
  const auto stranger = [&] {
    AttachPort port = web_->attachment(1 + random() % 3);
    port.port = 100 + random() % 8;
    return port;
  };
  for (int round = 0; round < 1500; ++round) {
    std::vector<std::byte> message;
    std::vector<int> fds;
    switch (random() % 4) {
      case 0:
        message = encode(MessageKind::AttachPort, 3, stranger());
        for (std::size_t n = random() % 4; n > 0; --n) fds.push_back(STDERR_FILENO);
        break;
      case 1:
        message = encode(MessageKind::DetachPort, 3, DetachPort{random() % 5000, 7});
        break;
      case 2: {
        AddressUpdate update;
        update.address = to_wire(IpAddress::v4(10, 99, 0, static_cast<std::uint8_t>(random())));
        update.identity = static_cast<std::uint32_t>(random());
        update.port = static_cast<std::uint32_t>(random() % 4200);
        message = encode(MessageKind::UpsertAddresses, 3, UpsertAddresses{1, 0},
                         std::span<const AddressUpdate>(&update, 1));
        break;
      }
      default:
        message = encode(MessageKind::PublishTable, 3, PublishTable{7, 1, 0},
                         std::span<const SectionRef>(std::vector<SectionRef>(1)));
    }
    // Beyond the header, whose size must stay the packet's for there to be an answer. The two pods
    // and their addresses are left out: an agent may well take those away.
    if (random() % 2 == 0) {
      const std::size_t at = sizeof(MessageHeader) + random() % (message.size() - 24);
      message[at] = static_cast<std::byte>(random());
    }
    if (random() % 8 == 0) message.resize(24 + random() % (message.size() - 24));
    const auto size = static_cast<std::uint32_t>(message.size());
    std::memcpy(message.data(), &size, sizeof size);
    static_cast<void>(agent_->say(message, fds));
  }
  EXPECT_EQ(agent_->stats().revision.load(), 1u);
  expect_enforced();
}

TEST_F(HostileAgent, AWildTailLosesEventsAndNothingElse) {
  void* memory = mmap(nullptr, sizeof(EventRings), PROT_READ | PROT_WRITE, MAP_SHARED,
                      agent_->shared[1].value(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto& ring = static_cast<EventRings*>(memory)->ring[0];
  for (const std::uint64_t tail :
       {~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{12345}}) {
    ring.tail.store(tail);
    ring.head.store(tail / 3);
    ring.reader_sleeps.store(0xffffffff);
    expect_enforced();
  }
  EXPECT_GT(agent_->total(&WorkerStats::events_lost), 0u);
  munmap(memory, sizeof(EventRings));
}

TEST_F(HostileAgent, CannotWriteTheStatistics) {
  const std::string path = "/proc/self/fd/" + std::to_string(agent_->shared[0].value());
  const Fd again(open(path.c_str(), O_RDWR | O_CLOEXEC));
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again.value(), 0);
  EXPECT_EQ(memory, MAP_FAILED);
  EXPECT_LT(pwrite(again.value(), "x", 1, 0), 0);
  EXPECT_EQ(agent_->stats().magic, kStatsMagic);
}

TEST_F(HostileAgent, ARenewedPortStillTellsThatItsDeviceWent) {
  ASSERT_EQ(agent_->attach(web_->attachment(5), {}).code, AckCode::Ok);  // the same descriptors
  expect_enforced();
  web_->command("ip link del eth0");
  const PortClosed closed = agent_->wait_for_closed();
  EXPECT_EQ(closed.port, 16u);
  EXPECT_EQ(closed.generation, 5u);
}

// It talks without a pause and reads every answer; a signal is heard all the same.
TEST_F(HostileAgent, TalkDoesNotKeepSigtermAway) {
  auto channel = Channel::connect(plane_->socket());
  agent_.reset();
  for (int tries = 0; tries < 100; ++tries) {
    channel = Channel::connect(plane_->socket());
    ASSERT_TRUE(channel);
    if (channel->send(encode(MessageKind::Hello, 1, Hello{})) && channel->receive(1000)) break;
  }
  std::atomic<bool> must_stop{false};
  std::thread talker([&] {
    const auto detach = encode(MessageKind::DetachPort, 2, DetachPort{77, 1});
    while (!must_stop && channel->send(detach, {}, 100)) {
      while (true) {
        const auto answer = channel->receive(0);
        if (!answer || !*answer) break;
      }
    }
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(plane_->stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  must_stop = true;
  talker.join();
}

}  // namespace
}  // namespace bulkhead::scenario
