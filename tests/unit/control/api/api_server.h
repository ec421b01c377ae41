// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>
#include <mutex>

#include "control/api/client.h"
#include "control/api/json.h"
#include "control/api/server.h"
#include "control/flowlog/audit.h"
#include "control/flowlog/flowlog.h"

namespace bulkhead::control::api {

class FakeNames : public flowlog::Names {
 public:
  std::optional<flowlog::RuleName> rule(CounterSlot slot) const override {
    return flowlog::RuleName{"Segment/a/b/ingress/0", Direction::Ingress,
                             slot.value == 1 ? Verdict::Allow : Verdict::Deny, false};
  }
  std::optional<flowlog::PodName> pod(const IpAddress& ip) const override {
    if (ip == IpAddress::v4(10, 0, 0, 1)) return flowlog::PodName{"a", "one"};
    if (ip == IpAddress::v4(10, 0, 0, 2)) return flowlog::PodName{"b", "two"};
    return std::nullopt;
  }
};

class FakeService : public Service {
 public:
  StatusReport status() override {
    StatusReport report;
    report.version = "test";
    report.errors = {{"secret.yaml:1:1", "broken"}};
    return report;
  }
  std::vector<EndpointReport> endpoints() override {
    EndpointReport a, b;
    a.pod_namespace = "a";
    b.pod_namespace = "b";
    return {a, b};
  }
  std::vector<PolicyReport> policies() override {
    return {{"NetworkPolicy/a/x", "", "in_force", ""},
            {"NetworkPolicy/b/x", "", "in_force", ""},
            {"ClusterNetworkPolicy/all", "", "in_force", ""}};
  }
  Reply<AttachmentReply> attach(const AttachmentRequest& request) override {
    note("attach " + request.container_id + " " + request.ifname + " " + request.pod_name);
    if (request.pod_name == "late") {
      return tl::unexpected(ApiError{504, "dataplane_unavailable", "no data plane", ""});
    }
    AttachmentReply reply;
    reply.ifname = request.ifname;
    reply.ips = request.ips;
    return reply;
  }
  Reply<AttachmentReply> attachment(const std::string& container, const std::string&) override {
    return tl::unexpected(ApiError{404, "not_found", "no attachment " + container, container});
  }
  Reply<DetachmentReply> detach(const DetachmentRequest& request) override {
    note("detach " + request.container_id + " " + request.netns);
    return DetachmentReply{true};
  }
  std::vector<LostAttachment> lost_attachments(const std::string& network) override {
    return {{"gone", "eth0", network}};
  }
  Reply<void> quarantine(const std::string& pod_namespace, const std::string& pod,
                         const QuarantineRequest& request, const std::string& who) override {
    note("quarantine " + pod_namespace + "/" + pod + " " + request.why + " by " + who);
    return {};
  }
  Reply<void> release(const std::string& pod_namespace, const std::string& pod) override {
    note("release " + pod_namespace + "/" + pod);
    return {};
  }
  Reply<std::string> explain(const ExplainRequest& request) override {
    return R"({"verdict":"deny","from":")" + request.from + "\"}";
  }
  bool is_ready() override { return true; }

  std::string last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  void note(std::string what) {
    const std::lock_guard lock(mutex_);
    last_ = std::move(what);
  }
  std::mutex mutex_;
  std::string last_;
};

// From a/one to b/two, IPv4.
inline dataplane::api::Event denied_event() {
  dataplane::api::Event event;
  event.kind = dataplane::api::EventKind::Denied;
  event.reason = DropReason::DeniedIngress;
  event.ingress_slot = 2;
  event.key.family = 4;
  event.key.protocol = 6;
  event.key.source[0] = 10;
  event.key.source[3] = 1;
  event.key.destination[0] = 10;
  event.key.destination[3] = 2;
  return event;
}

class ApiServer : public testing::Test {
 protected:
  ApiServer() {
    char pattern[] = "/tmp/bulkhead-api-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    audit_.emplace(folder_ / "audit.jsonl");
    settings_.socket = folder_ / "agent.sock";
  }
  ~ApiServer() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  Client start() {
    auto started = Server::start(service_, flows_, *audit_, settings_);
    EXPECT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
    return Client(settings_.socket);
  }

  // Sends bytes as they are; answers everything until the server closes.
  std::string raw(std::string_view bytes) {
    const Fd socket = connected();
    [[maybe_unused]] const auto sent =
        ::send(socket.value(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(socket.value(), SHUT_WR);
    return rest_of(socket);
  }
  Fd connected() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    settings_.socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.value(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  static std::string rest_of(const Fd& socket) {
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(socket.value(), buffer, sizeof buffer, 0)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }
  std::string audit_text() const {
    std::ifstream in(folder_ / "audit.jsonl");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
  FakeNames names_;
  FakeService service_;
  flowlog::FlowLog flows_{names_, {}};
  std::optional<flowlog::AuditLog> audit_;
  ServerSettings settings_;
  std::unique_ptr<Server> server_;
};

inline AttachmentRequest attachment(std::string pod) {
  AttachmentRequest request{"c1", "eth0", "/var/run/netns/a", "a", std::move(pod), "", {}, {},
                            {},   5000};
  request.ips = {{"10.0.0.1/24", ""}, {"fd00::1/64", "fd00::ff"}};
  return request;
}

}  // namespace bulkhead::control::api
