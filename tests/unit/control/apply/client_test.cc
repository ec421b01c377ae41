// SPDX-License-Identifier: Apache-2.0
#include "control/apply/client.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <functional>
#include <new>
#include <thread>

#include "dataplane/api/validate.h"
#include "tests/support/temporary_folder.h"

namespace bulkhead::control::apply {
namespace {

namespace api = dataplane::api;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;

template <class T>
Fd shared_page() {
  Fd fd(::memfd_create("r-test", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(fd.value(), sizeof(T)), 0);
  void* place = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, fd.value(), 0);
  new (place) T();
  ::munmap(place, sizeof(T));
  return fd;
}

// The other end of dataplane.sock, on a thread of its own: plays one script.
class FakeDataplane {
 public:
  explicit FakeDataplane(std::function<void(api::Channel&)> script)
      : listener_(*api::listen_at(socket())), thread_([this, script = std::move(script)] {
          pollfd polled{listener_.value(), POLLIN, 0};
          ::poll(&polled, 1, 10'000);
          api::Channel channel(api::accept_at(listener_.value()));
          script(channel);
        }) {}
  ~FakeDataplane() { thread_.join(); }

  [[nodiscard]] std::filesystem::path socket() const { return folder_.path() / "dataplane.sock"; }

  static void greet(api::Channel& channel, api::HelloReply reply = {}) {
    ASSERT_TRUE(channel.receive(5000));
    const auto stats = shared_page<api::StatsPage>();
    const auto rings = shared_page<api::EventRings>();
    const auto wake = shared_page<std::uint64_t>();
    const std::vector<int> fds = {stats.value(), rings.value(), wake.value()};
    ASSERT_TRUE(channel.send(api::encode(api::MessageKind::HelloReply, 1, reply), fds));
    // Whoever refuses the version is gone by now.
    static_cast<void>(channel.send(api::encode(api::MessageKind::Ready, 1)));
  }
  static void acknowledge(api::Channel& channel, const api::Ack& ack) {
    const auto asked = channel.receive(5000);
    ASSERT_TRUE(asked && *asked);
    ASSERT_TRUE(channel.send(api::encode(api::MessageKind::Ack, (*asked)->header().sequence, ack)));
  }
  // Until the agent has gone.
  static void wait_for_end(api::Channel& channel) {
    while (channel.receive(10'000)) {
    }
  }

 private:
  TemporaryFolder folder_;
  Fd listener_;
  std::thread thread_;
};

constexpr Client::Deadlines kShort{200ms, 200ms};

TEST(Client, NobodyListeningIsAnErrorAtOnce) {
  const TemporaryFolder folder;
  EXPECT_FALSE(Client::connect(folder.path() / "dataplane.sock", {}));
}

TEST(Client, AHungDataPlaneDoesNotGreetInTime) {
  FakeDataplane dataplane([](api::Channel& channel) { FakeDataplane::wait_for_end(channel); });
  const auto connected = Client::connect(dataplane.socket(), kShort);
  ASSERT_FALSE(connected);
  EXPECT_THAT(connected.error().text(), HasSubstr("did not greet within 200 ms"));
}

TEST(Client, AnotherMajorVersionIsRefused) {
  FakeDataplane dataplane([](api::Channel& channel) {
    api::HelloReply reply;
    reply.lowest_major = reply.highest_major = api::kMajor + 1;
    FakeDataplane::greet(channel, reply);
  });
  const auto connected = Client::connect(dataplane.socket(), {});
  ASSERT_FALSE(connected);
  EXPECT_THAT(connected.error().text(), HasSubstr("speaks versions"));
}

TEST(Client, AnAcknowledgementIsHandedBack) {
  FakeDataplane dataplane([](api::Channel& channel) {
    FakeDataplane::greet(channel);
    FakeDataplane::acknowledge(channel, {.epoch = 7});
  });
  auto connected = Client::connect(dataplane.socket(), {});
  ASSERT_TRUE(connected) << connected.error().text();
  const auto ack = connected->client->configure({});
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->epoch, 7u);
}

TEST(Client, ARefusalKeepsTheConnection) {
  FakeDataplane dataplane([](api::Channel& channel) {
    FakeDataplane::greet(channel);
    FakeDataplane::acknowledge(channel, {.code = api::AckCode::Refused, .message = "no such port"});
    FakeDataplane::acknowledge(channel, {});
  });
  auto connected = Client::connect(dataplane.socket(), {});
  ASSERT_TRUE(connected) << connected.error().text();
  const auto refused = connected->client->detach(PortId(16), 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, Problem::Kind::Refused);
  EXPECT_THAT(refused.error().error.text(), HasSubstr("no such port"));
  EXPECT_TRUE(connected->client->configure({}));
}

TEST(Client, WithoutAnAnswerTheConnectionIsOver) {
  FakeDataplane dataplane([](api::Channel& channel) {
    FakeDataplane::greet(channel);
    FakeDataplane::wait_for_end(channel);
  });
  auto connected = Client::connect(dataplane.socket(), {5s, 200ms});
  ASSERT_TRUE(connected) << connected.error().text();
  const auto lost = connected->client->configure({});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, Problem::Kind::Lost);
  EXPECT_FALSE(connected->client->is_connected());
}

TEST(Client, AnAnswerOutOfTurnEndsTheConnection) {
  FakeDataplane dataplane([](api::Channel& channel) {
    FakeDataplane::greet(channel);
    ASSERT_TRUE(channel.receive(5000));
    ASSERT_TRUE(channel.send(api::encode(api::MessageKind::Ack, 999, api::Ack{})));
    FakeDataplane::wait_for_end(channel);
  });
  auto connected = Client::connect(dataplane.socket(), {});
  ASSERT_TRUE(connected) << connected.error().text();
  const auto lost = connected->client->configure({});
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, Problem::Kind::Lost);
}

TEST(Client, APortThatClosesBeforeAnAnswerIsNotLost) {
  FakeDataplane dataplane([](api::Channel& channel) {
    FakeDataplane::greet(channel);
    api::PortClosed closed;
    closed.port = 16;
    ASSERT_TRUE(channel.send(api::encode(api::MessageKind::PortClosed, 0, closed)));
    FakeDataplane::acknowledge(channel, {});
  });
  auto connected = Client::connect(dataplane.socket(), {});
  ASSERT_TRUE(connected) << connected.error().text();
  EXPECT_TRUE(connected->client->configure({}));
  const auto closed = connected->client->take_closed();
  ASSERT_THAT(closed, SizeIs(1));
  EXPECT_EQ(closed.front().port, 16u);
}

}  // namespace
}  // namespace bulkhead::control::apply
