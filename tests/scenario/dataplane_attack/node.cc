// SPDX-License-Identifier: Apache-2.0
#include "tests/scenario/dataplane_attack/node.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "dataplane/api/validate.h"
#include "policy/compile/compile.h"
#include "policy/parse/parse.h"
#include "policy/parse/view.h"

namespace bulkhead::scenario {

using namespace dataplane::api;

namespace {

constexpr const char* kPolicy = R"(
{{apiVersion: v1, kind: Namespace, metadata: {{name: front}}}}
---
{{apiVersion: v1, kind: Namespace, metadata: {{name: back}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: front}}
status: {{podIPs: [{{ip: 10.91.0.1}}, {{ip: "fd91::1"}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: db, namespace: back}}
status: {{podIPs: [{{ip: 10.91.0.2}}, {{ip: "fd91::2"}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: db, namespace: back}}
spec:
  podSelector: {{}}
  policyTypes: [Ingress]
  ingress:
  - from: [{{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: front}}}}}}]
    ports: [{{protocol: TCP, port: {0}}}, {{protocol: UDP, port: {0}}}]
)";

compile::CompiledTable compiled(std::uint64_t revision, std::uint16_t open_port) {
  const auto parsed = parse::parse_text("attack.yaml", fmt::format(kPolicy, open_port));
  for (const Error& error : parsed.errors()) throw std::runtime_error(error.text());
  auto cluster = parse::build_cluster(parsed.objects(), model::Settings{});
  if (!cluster) throw std::runtime_error(cluster.error().text());
  static compile::Numbers numbers;
  auto table = compile::compile(*cluster, std::nullopt, Revision{revision}, numbers);
  if (!table) throw std::runtime_error(table.error().text());
  return std::move(*table);
}

}  // namespace

void Node::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "needs root for network namespaces and TAPs";
  signal(SIGPIPE, SIG_IGN);
  web_.emplace(1, "web", 1);
  db_.emplace(2, "db", 1);
}

void Node::start(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"--workers", "1"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (!plane_) plane_.emplace(words);
  plane_->start();
}

void Node::connect() {
  agent_.reset();
  agent_.emplace(plane_->socket());
}

void Node::attach(std::uint32_t generation) {
  for (const Pod* pod : {&*web_, &*db_}) {
    const Ack ack = agent_->attach(pod->attachment(generation), pod->queue_fds());
    ASSERT_EQ(ack.code, AckCode::Ok) << ack.message;
  }
}

void Node::publish(std::uint64_t revision, std::uint16_t open_port) {
  const auto table = compiled(revision, open_port);
  const Ack ack = agent_->publish(Revision{revision}, table.sections);
  ASSERT_EQ(ack.code, AckCode::Ok) << ack.message;
  std::vector<AddressUpdate> updates;
  for (const auto& [address, entry] : table.addresses) {
    updates.push_back(
        {to_wire(address), entry.identity.value, entry.pod.name == "web" ? 16u : 17u, 0, 0});
  }
  ASSERT_EQ(agent_->upsert(updates).code, AckCode::Ok);
}

void Node::die_and_return(std::uint64_t revision, std::uint16_t open_port) {
  plane_->kill();
  agent_.reset();
  plane_->start();
  connect();
  publish(revision, open_port);
  attach(1);
}

void Node::expect_enforced() {
  for (const Family family : {Family::V4, Family::V6}) {
    const Fd open = db_->listen_tcp(family, kOpenPort);
    const Fd closed = db_->listen_tcp(family, 22);
    EXPECT_TRUE(web_->connect_tcp(db_->address(family), kOpenPort, kSoonMs).is_open());
    EXPECT_FALSE(web_->connect_tcp(db_->address(family), 22, kNeverMs).is_open());
  }
  EXPECT_EQ(agent_->conservation(), "");
}

Flood::Flood(const Pod& from, const IpAddress& to, std::uint16_t one, std::uint16_t other) {
  std::vector<Fd> sockets;
  for (int i = 0; i < 2; ++i) {
    from.inside([&] { sockets.emplace_back(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
    sockaddr_in there{};
    there.sin_family = AF_INET;
    there.sin_port = htons(i == 0 ? one : other);
    std::memcpy(&there.sin_addr, to.bytes.data(), 4);
    if (::connect(sockets.back().value(), reinterpret_cast<sockaddr*>(&there), sizeof there) != 0) {
      throw std::runtime_error("connect");
    }
  }
  thread_ = std::thread([this, sockets = std::move(sockets)] {
    constexpr std::size_t kMessages = 64;
    char byte = 'x';
    iovec part{&byte, 1};
    mmsghdr messages[kMessages] = {};
    for (mmsghdr& message : messages) {
      message.msg_hdr.msg_iov = &part;
      message.msg_hdr.msg_iovlen = 1;
    }
    while (!must_stop_.load()) {
      for (const Fd& socket : sockets) {
        const int count = sendmmsg(socket.value(), messages, kMessages, 0);
        if (count > 0) sent_ += static_cast<std::uint64_t>(count);
      }
    }
  });
}

Flood::~Flood() {
  must_stop_ = true;
  thread_.join();
}

std::size_t drain(const Fd& socket) {
  std::size_t count = 0;
  char byte = 0;
  while (recv(socket.value(), &byte, 1, MSG_DONTWAIT) >= 0) ++count;
  return count;
}

}  // namespace bulkhead::scenario
