// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <random>

#include "dataplane/api/validate.h"
#include "policy/compile/compile.h"
#include "policy/parse/parse.h"
#include "policy/parse/view.h"
#include "tests/scenario/dataplane/plane.h"
#include "tests/scenario/dataplane/pod.h"

// The real program, real TAPs and the kernel's own stacks; only the agent is played.
namespace bulkhead::scenario {
namespace {

using namespace dataplane::api;

constexpr int kSoon = 2000;  // an allowed packet arrives well before
constexpr int kNever = 150;  // a denied one has not by then
constexpr const char* kPolicy = R"(
apiVersion: v1
kind: Namespace
metadata: {name: front}
---
apiVersion: v1
kind: Namespace
metadata: {name: back}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: front}
status: {podIPs: [{ip: 10.91.0.1}, {ip: "fd91::1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: back}
status: {podIPs: [{ip: 10.91.0.2}, {ip: "fd91::2"}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: back}
spec:
  podSelector: {}
  policyTypes: [Ingress]
  ingress:
  - from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: front}}}]
    ports: [{protocol: TCP, port: 3306}, {protocol: UDP, port: 53}]
)";

compile::CompiledTable compiled(std::uint64_t revision, const std::string& policy = kPolicy) {
  const auto parsed = parse::parse_text("scenario.yaml", policy);
  for (const Error& error : parsed.errors()) throw std::runtime_error(error.text());
  auto cluster = parse::build_cluster(parsed.objects(), model::Settings{});
  if (!cluster) throw std::runtime_error(cluster.error().text());
  static compile::Numbers numbers;
  auto table = compile::compile(*cluster, std::nullopt, Revision{revision}, numbers);
  if (!table) throw std::runtime_error(table.error().text());
  return std::move(*table);
}

struct Method {
  const char* name;
  const char* io;
  unsigned workers;
};

class DataplaneTest : public testing::TestWithParam<Method> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and TAPs";
    signal(SIGPIPE, SIG_IGN);
    plane_.emplace(std::vector<std::string>{"--io", GetParam().io, "--workers",
                                            std::to_string(GetParam().workers), "--flows-max",
                                            "4096"});
    try {
      plane_->start();
    } catch (const std::runtime_error& failure) {
      if (std::string(failure.what()).find("uring does not work") != std::string::npos) {
        GTEST_SKIP() << failure.what();
      }
      throw;
    }
    web_.emplace(1, "web", GetParam().workers);
    db_.emplace(2, "db", GetParam().workers);
    agent_.emplace(plane_->socket());
  }

  void attach_all(std::uint32_t generation = 1) {
    for (const Pod* pod : {&*web_, &*db_}) {
      const Ack ack = agent_->attach(pod->attachment(generation), pod->queue_fds());
      ASSERT_EQ(ack.code, AckCode::Ok) << ack.message;
    }
  }

  void publish_all(std::uint64_t revision, const std::string& policy = kPolicy) {
    const auto table = compiled(revision, policy);
    const Ack ack = agent_->publish(Revision{revision}, table.sections);
    ASSERT_EQ(ack.code, AckCode::Ok) << ack.message;
    ASSERT_EQ(ack.revision, revision);
    std::vector<AddressUpdate> updates;
    for (const auto& [address, entry] : table.addresses) {
      const std::uint32_t port = entry.pod.name == "web" ? 16 : 17;
      updates.push_back({to_wire(address), entry.identity.value, port, 0, 0});
    }
    const Ack known = agent_->upsert(updates);
    ASSERT_EQ(known.code, AckCode::Ok) << known.message;
  }

  void expect_enforced(Family family) {
    SCOPED_TRACE(name_of(family));
    const Fd mysql = db_->listen_tcp(family, 3306);
    const Fd ssh = db_->listen_tcp(family, 22);
    const Fd dns = db_->bind_udp(family, 53);
    const Fd ntp = db_->bind_udp(family, 123);
    const Fd back = web_->bind_udp(family, 53);
    const auto there = db_->address(family);
    EXPECT_TRUE(web_->connect_tcp(there, 3306, kSoon).is_open());
    EXPECT_FALSE(web_->connect_tcp(there, 22, kNever).is_open());
    web_->send_udp(there, 53);
    EXPECT_TRUE(is_readable(dns, kSoon));
    web_->send_udp(there, 123);
    EXPECT_FALSE(is_readable(ntp, kNever));
    EXPECT_FALSE(is_readable(ssh, 0));
    db_->send_udp(web_->address(family), 53);  // nothing closes web
    EXPECT_TRUE(is_readable(back, kSoon));
  }

  std::optional<Plane> plane_;
  std::optional<Pod> web_;
  std::optional<Pod> db_;
  std::optional<FakeAgent> agent_;
};

TEST_P(DataplaneTest, AllowedPassesAndDeniedIsDropped) {
  attach_all();
  publish_all(1);
  expect_enforced(Family::V4);
  expect_enforced(Family::V6);
  EXPECT_GE(agent_->drops(DropReason::DeniedIngress), 4u);
  EXPECT_EQ(agent_->conservation(), "");
}

TEST_P(DataplaneTest, IsClosedWithoutATable) {
  attach_all();
  const Fd mysql = db_->listen_tcp(Family::V4, 3306);
  EXPECT_FALSE(web_->connect_tcp(db_->address(Family::V4), 3306, kNever).is_open());
  EXPECT_GE(agent_->drops(DropReason::NoTable) + agent_->drops(DropReason::UnknownPeer), 1u);
  EXPECT_EQ(agent_->conservation(), "");
}

TEST_P(DataplaneTest, OutlivesItsAgentAndHandsPortsBack) {
  attach_all();
  publish_all(1);
  agent_.reset();
  expect_enforced(Family::V4);
  expect_enforced(Family::V6);
  agent_.emplace(plane_->socket());
  EXPECT_EQ(agent_->greeting.revision, 1u);
  ASSERT_EQ(agent_->ports.size(), 2u);
  EXPECT_EQ(agent_->ports[0].attached.port, 16u);
  EXPECT_EQ(agent_->ports[0].fds.size(), GetParam().workers);
  EXPECT_EQ(agent_->conservation(), "");
}

TEST_P(DataplaneTest, RefusesASecondAgent) {
  EXPECT_THROW(FakeAgent(plane_->socket()), std::runtime_error);
  attach_all();  // the first is still served
}

TEST_P(DataplaneTest, GarbageChangesNothing) {
  attach_all();
  publish_all(1);
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::byte> body(random() % 300);
    for (std::byte& byte : body) byte = static_cast<std::byte>(random());
    const auto kind = static_cast<MessageKind>(random() % 40);
    if (kind == MessageKind::Hello) continue;
    EXPECT_NE(agent_->say(encode_bytes(kind, 1, body, {})).code, AckCode::Ok);
  }
  auto broken = compiled(2);
  broken.sections.back().bytes.own()[0] ^= std::byte{1};
  EXPECT_EQ(agent_->publish(Revision{2}, broken.sections).code, AckCode::Refused);
  const auto other = compiled(3);
  EXPECT_EQ(agent_->publish(Revision{9}, other.sections).code, AckCode::Refused);
  EXPECT_EQ(agent_->detach(16, 99).code, AckCode::Refused);
  EXPECT_EQ(agent_->attach(web_->attachment(1), web_->queue_fds()).code, AckCode::Refused);
  auto stranger = db_->attachment(1);
  stranger.port = 40;
  const Fd not_a_tap(memfd_create("x", 0));
  EXPECT_EQ(agent_->attach(stranger, std::vector<int>(GetParam().workers, not_a_tap.value())).code,
            AckCode::Refused);
  EXPECT_EQ(agent_->stats().revision.load(), 1u);
  expect_enforced(Family::V4);
}

TEST_P(DataplaneTest, NamesUnchangedSectionsInsteadOfSendingThem) {
  attach_all();
  publish_all(1);
  const auto next = compiled(2);
  EXPECT_EQ(agent_->publish(Revision{2}, next.sections, false).code, AckCode::Ok);
  expect_enforced(Family::V4);
}

TEST_P(DataplaneTest, ATableCutsAndOpens) {
  attach_all();
  publish_all(1);
  const Fd mysql = db_->listen_tcp(Family::V6, 3306);
  const Fd client = web_->connect_tcp(db_->address(Family::V6), 3306, kSoon);
  ASSERT_TRUE(client.is_open());
  ASSERT_TRUE(is_readable(mysql, kSoon));
  const Fd served(accept4(mysql.value(), nullptr, nullptr, SOCK_NONBLOCK));
  std::string other = kPolicy;
  other.replace(other.find("3306"), 4, "22");
  publish_all(2, other);
  ASSERT_EQ(send(client.value(), "x", 1, 0), 1);
  EXPECT_FALSE(is_readable(served, kNever));
  EXPECT_GE(agent_->drops(DropReason::EstablishedCut), 1u);
  const Fd ssh = db_->listen_tcp(Family::V6, 22);
  EXPECT_TRUE(web_->connect_tcp(db_->address(Family::V6), 22, kSoon).is_open());
}

TEST_P(DataplaneTest, ConnectionsSurviveItsDeath) {
  attach_all();
  publish_all(1);
  const Fd mysql = db_->listen_tcp(Family::V4, 3306);
  const Fd client = web_->connect_tcp(db_->address(Family::V4), 3306, kSoon);
  ASSERT_TRUE(client.is_open());
  ASSERT_TRUE(is_readable(mysql, kSoon));
  const Fd served(accept4(mysql.value(), nullptr, nullptr, SOCK_NONBLOCK));
  plane_->kill();
  agent_.reset();
  plane_->start();
  agent_.emplace(plane_->socket());
  EXPECT_EQ(agent_->greeting.revision, 0u);
  publish_all(2);
  attach_all();
  ASSERT_EQ(send(client.value(), "x", 1, 0), 1);
  EXPECT_TRUE(is_readable(served, kSoon));
  EXPECT_EQ(agent_->drops(DropReason::TcpNoFlow), 0u);
  EXPECT_EQ(agent_->conservation(), "");
}

TEST_P(DataplaneTest, ReportsADeletedDevice) {
  attach_all();
  publish_all(1);
  web_->command("ip link del eth0");
  const PortClosed closed = agent_->wait_for_closed();
  EXPECT_EQ(closed.port, 16u);
  EXPECT_EQ(closed.generation, 1u);
  EXPECT_EQ(agent_->detach(16, 1).code, AckCode::Refused);  // it is gone already
}

TEST_P(DataplaneTest, DetachClosesThePort) {
  attach_all();
  publish_all(1);
  ASSERT_EQ(agent_->detach(17, 1).code, AckCode::Ok);
  const Fd mysql = db_->listen_tcp(Family::V4, 3306);
  EXPECT_FALSE(web_->connect_tcp(db_->address(Family::V4), 3306, kNever).is_open());
  ASSERT_EQ(agent_->attach(db_->attachment(2), db_->queue_fds()).code, AckCode::Ok);
  EXPECT_TRUE(web_->connect_tcp(db_->address(Family::V4), 3306, kSoon).is_open());
  EXPECT_EQ(agent_->conservation(), "");
}

TEST_P(DataplaneTest, EndsCleanlyOnSigterm) {
  attach_all();
  EXPECT_EQ(plane_->stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Methods, DataplaneTest,
                         testing::Values(Method{"Uring", "uring", 1}, Method{"Epoll", "epoll", 1},
                                         Method{"UringTwoWorkers", "uring", 2},
                                         Method{"EpollTwoWorkers", "epoll", 2}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace bulkhead::scenario
