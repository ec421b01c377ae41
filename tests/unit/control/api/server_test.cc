// SPDX-License-Identifier: Apache-2.0
#include "control/api/server.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <mutex>

#include "control/api/client.h"
#include "control/api/json.h"
#include "control/api/routes.h"
#include "control/flowlog/audit.h"
#include "control/flowlog/flowlog.h"

namespace bulkhead::control::api {
namespace {

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

dataplane::api::Event denied_event() {
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

AttachmentRequest attachment(std::string pod) {
  AttachmentRequest request{"c1", "eth0", "/var/run/netns/a", "a", std::move(pod), "", {}, {},
                            {},   5000};
  request.ips = {{"10.0.0.1/24", ""}, {"fd00::1/64", "fd00::ff"}};
  return request;
}

TEST_F(ApiServer, AnswersTheReadCalls) {
  const auto client = start();
  EXPECT_EQ(client.status().value().version, "test");
  EXPECT_EQ(client.endpoints().value().size(), 2u);
  EXPECT_EQ(client.policies().value().size(), 3u);
  EXPECT_EQ(client.explain({"a/one", "b/two", "TCP", 80, ""}).value(),
            R"({"verdict":"deny","from":"a/one"})");
}

TEST_F(ApiServer, MakesItsSocketForRootAndItsGroupOnly) {
  start();
  struct stat status {};
  ASSERT_EQ(::stat(settings_.socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660u);
}

TEST_F(ApiServer, ReplacesADeadSocketAndLeavesALiveOne) {
  std::ofstream(settings_.socket) << "left over";
  const auto client = start();
  EXPECT_TRUE(client.status());
  EXPECT_FALSE(Server::start(service_, flows_, *audit_, settings_));
  EXPECT_TRUE(client.status());
}

TEST_F(ApiServer, AttachesChecksAndDetaches) {
  std::vector<std::string> observed;
  settings_.on_attachment = [&](auto verb, auto code, double) {
    observed.push_back(std::string(verb) + " " + std::string(code));
  };
  const auto client = start();
  EXPECT_EQ(client.attach(attachment("one")).value().ips.size(), 2u);
  EXPECT_EQ(service_.last(), "attach c1 eth0 one");
  const auto late = client.attach(attachment("late"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "dataplane_unavailable");
  EXPECT_EQ(late.error().status, 504);
  EXPECT_EQ(client.attachment("c1", "eth0").error().status, 404);
  EXPECT_TRUE(client.detach({"c1", "eth0", "/proc/1/ns/net"}).value().was_attached);
  EXPECT_EQ(service_.last(), "detach c1 /proc/1/ns/net");
  server_.reset();
  EXPECT_EQ(observed, (std::vector<std::string>{"ADD ok", "ADD dataplane_unavailable",
                                                "CHECK not_found", "DEL ok"}));
}

TEST_F(ApiServer, NamesTheBadFieldOfABody) {
  const auto client = start();
  const auto refused = [&](auto change) {
    auto request = attachment("one");
    change(request);
    const auto reply = client.attach(request);
    return reply ? "accepted" : std::to_string(reply.error().status) + " " + reply.error().where;
  };
  EXPECT_EQ(refused([](auto& request) { request.ips[0].address = "10.0.0.1"; }),
            "400 ips[0].address");
  EXPECT_EQ(refused([](auto& request) { request.ips.clear(); }), "400 ips");
  EXPECT_EQ(refused([](auto& request) { request.netns = "relative"; }), "400 netns");
  EXPECT_EQ(refused([](auto& request) { request.pod_namespace = "../x"; }), "400 pod_namespace");
  EXPECT_EQ(refused([](auto& request) { request.timeout_ms = 0; }), "400 timeout_ms");
  EXPECT_EQ(refused([](auto& request) { request.ifname = "sixteen-letters0"; }), "400 ifname");
  EXPECT_EQ(service_.last(), "");
}

TEST_F(ApiServer, QuarantinesInTheCallersName) {
  const auto client = start();
  EXPECT_TRUE(client.quarantine("a", "one", {"odd traffic", "2026-01-31T10:00:00Z", "10.0.0.9"}));
  EXPECT_EQ(service_.last(), "quarantine a/one odd traffic by uid " + std::to_string(::getuid()));
  EXPECT_TRUE(client.release("a", "one"));
  EXPECT_EQ(service_.last(), "release a/one");
  EXPECT_EQ(client.quarantine("a", "one", {"", "", "nobody"}).error().where, "forensic_peer");
  EXPECT_EQ(client.quarantine("a", "one", {"", "tomorrow", ""}).error().where, "until");
  EXPECT_EQ(client.quarantine("..", "one", {}).error().status, 400);
}

TEST_F(ApiServer, NeverLeavesItsPaths) {
  const auto client = start();
  for (const char* target :
       {"/v1/attachments/..%2f..%2fetc/eth0", "/v1/attachments/../eth0", "/v1/attachments/%00/eth0",
        "/v1/attachments/c1/..", "/v1/quarantine/a/%2e%2e", "/v1/attachments//eth0"}) {
    const auto reply = client.call("DELETE", target);
    ASSERT_FALSE(reply) << target;
    EXPECT_EQ(reply.error().status / 100, 4) << target;
  }
  EXPECT_EQ(service_.last(), "");
}

TEST_F(ApiServer, RefusesUnknownResourcesMethodsAndParameters) {
  const auto client = start();
  const auto status = [&](const char* method, const char* target) {
    const auto reply = client.call(method, target);
    return reply ? 200 : reply.error().status;
  };
  EXPECT_EQ(status("GET", "/"), 404);
  EXPECT_EQ(status("GET", "/etc/passwd"), 404);
  EXPECT_EQ(status("GET", "/v1/nothing"), 404);
  EXPECT_EQ(status("GET", "/v2/status"), 404);
  EXPECT_EQ(status("DELETE", "/v1/status"), 405);
  EXPECT_EQ(status("PATCH", "/v1/status"), 405);
  EXPECT_EQ(status("GET", "/v1/explain"), 405);
  EXPECT_EQ(status("GET", "/v1/flows?verdit=deny"), 400);
  EXPECT_EQ(status("GET", "/v1/flows?verdict=maybe"), 400);
  EXPECT_EQ(status("GET", "/v1/flows?verdict=deny&verdict=allow"), 400);
}

TEST_F(ApiServer, SurvivesGarbage) {
  settings_.body_limit = 1024;
  const auto client = start();
  raw(std::string(100'000, '\xff'));
  raw("GET " + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n");
  raw("GET /v1/status HTTP/1.1\r\n" + std::string(200'000, 'x'));
  raw(std::string("\0\0\0\0", 4));
  raw("PUT /v1/attachments/c/eth0 HTTP/1.1\r\nContent-Length: -5\r\n\r\n{}");
  raw("POST /v1/explain HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n{}");
  const auto large = client.call("POST", "/v1/explain", std::string(5000, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().status, 413);
  EXPECT_NE(
      raw("POST /v1/explain HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
          .find(" 411 "),
      std::string::npos);
  EXPECT_NE(raw("GET /v1/" + std::string(4000, 'a') + " HTTP/1.1\r\n\r\n").find(" 414 "),
            std::string::npos);
  EXPECT_TRUE(client.status());
}

TEST_F(ApiServer, DropsACallerThatNeverFinishesItsRequestWhileOthersAreServed) {
  settings_.request_deadline = std::chrono::milliseconds(200);
  const auto client = start();
  std::vector<Fd> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(connected());
    [[maybe_unused]] const auto sent = ::send(slow.back().value(), "GET /v1/sta", 11, MSG_NOSIGNAL);
  }
  EXPECT_TRUE(client.status());
  for (const auto& socket : slow) rest_of(socket);  // returns: the server has closed it
}

TEST_F(ApiServer, AuditsEveryCallRefusedOnesToo) {
  const auto client = start();
  (void)client.status();
  (void)client.call("DELETE", "/v1/status");
  (void)client.call("PUT", "/v1/quarantine/no-such/pod\"\x1b", "{");
  raw("garbage\r\n\r\n");
  server_.reset();
  const auto text = audit_text();
  EXPECT_NE(
      text.find(R"("role":"admin","method":"GET","path":"/v1/status","status":200,"code":"")"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("method":"DELETE","path":"/v1/status","status":405)"), std::string::npos)
      << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), 4) << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST_F(ApiServer, GivesRecentFlowsByFilter) {
  flows_.add(denied_event());
  const auto client = start();
  EXPECT_NE(client.call("GET", "/v1/flows").value().find(R"("verdict":"deny")"), std::string::npos);
  EXPECT_NE(client.call("GET", "/v1/flows?verdict=deny&namespace=b").value(), "");
  EXPECT_EQ(client.call("GET", "/v1/flows?verdict=allow").value(), "");
  EXPECT_EQ(client.call("GET", "/v1/flows?namespace=c").value(), "");
}

TEST_F(ApiServer, FollowsFlowsAsTheyHappen) {
  const auto client = start();
  std::promise<std::string> line;
  std::atomic<bool> is_done = false;
  std::thread follower([&] {
    (void)client.stream("/v1/flows?follow=1&verdict=deny", [&](std::string_view text) {
      if (!is_done.exchange(true)) line.set_value(std::string(text));
      return false;
    });
  });
  auto arrived = line.get_future();
  // The follower may not have subscribed yet: events go on until one has come through.
  while (arrived.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
    flows_.add(denied_event());
  }
  EXPECT_NE(arrived.get().find("Segment/a/b/ingress/0"), std::string::npos);
  follower.join();
}

TEST_F(ApiServer, EndsFollowersWhenItStops) {
  const auto client = start();
  std::promise<void> began;
  std::atomic<bool> has_begun = false;
  auto follower = std::async(std::launch::async, [&] {
    return client.stream("/v1/flows?follow=1", [&](std::string_view) {
      if (!has_begun.exchange(true)) began.set_value();
      return true;
    });
  });
  auto first = began.get_future();
  while (first.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
    flows_.add(denied_event());
  }
  server_.reset();
  EXPECT_TRUE(follower.get());
}

TEST_F(ApiServer, ClientNamesTheSocketWhenNobodyIsThere) {
  const auto reply = Client(folder_ / "agent.sock").status();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "agent_unreachable");
  EXPECT_NE(reply.error().message.find("agent.sock"), std::string::npos);
  EXPECT_NE(reply.error().message.find("bulkhead-agent"), std::string::npos);
}

TEST_F(ApiServer, ClientGivesUpAtItsDeadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  settings_.socket.string().copy(address.sun_path, sizeof address.sun_path - 1);
  const Fd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(silent.value(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(silent.value(), 8), 0);
  const auto reply = Client(settings_.socket, std::chrono::milliseconds(50)).status();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, "timeout");
}

// Who asks cannot be faked through a socket of our own: these ask the routes directly.
class ApiRoles : public ApiServer {
 protected:
  Answer ask(Role role, std::string method, std::vector<std::string> segments,
             std::string body = {}, std::map<std::string, std::string> query = {}) {
    const Caller who({1000, 7, {1000}}, {{role, 1000, {}, {"a"}}});
    return Routes(service_, flows_, {})
        .answer({std::move(method), std::move(segments), std::move(query), std::move(body)}, who);
  }
};

TEST_F(ApiRoles, WithoutARoleNothingIsAnswered) {
  for (const char* resource : {"status", "endpoints", "policies", "flows"}) {
    EXPECT_EQ(ask(Role::None, "GET", {"v1", resource}).status, 403) << resource;
  }
  EXPECT_EQ(ask(Role::None, "POST", {"v1", "explain"}, R"({"from":"a/x","to":"a/y"})").status, 403);
  EXPECT_EQ(ask(Role::None, "DELETE", {"v1", "attachments", "c", "eth0"}).status, 403);
  EXPECT_EQ(ask(Role::None, "PUT", {"v1", "quarantine", "a", "x"}).status, 403);
}

TEST_F(ApiRoles, OnlyAnAdminWiresPods) {
  for (const Role role : {Role::Auditor, Role::Developer, Role::Operator}) {
    EXPECT_EQ(
        ask(role, "PUT", {"v1", "attachments", "c", "eth0"}, json_of(attachment("one"))).status,
        403);
    EXPECT_EQ(ask(role, "DELETE", {"v1", "attachments", "c", "eth0"}).status, 403);
  }
  EXPECT_EQ(service_.last(), "");
  EXPECT_EQ(ask(Role::Admin, "DELETE", {"v1", "attachments", "c", "eth0"}).status, 200);
}

TEST_F(ApiRoles, OnlyOperatorsAndAdminsQuarantine) {
  for (const Role role : {Role::Auditor, Role::Developer}) {
    EXPECT_EQ(ask(role, "PUT", {"v1", "quarantine", "a", "x"}).status, 403);
    EXPECT_EQ(ask(role, "DELETE", {"v1", "quarantine", "a", "x"}).status, 403);
  }
  EXPECT_EQ(service_.last(), "");
  EXPECT_EQ(ask(Role::Operator, "PUT", {"v1", "quarantine", "a", "x"}).status, 200);
}

TEST_F(ApiRoles, ADeveloperSeesItsNamespaceOnly) {
  flows_.add(denied_event());  // from a to b
  const auto endpoints =
      read_endpoints(ask(Role::Developer, "GET", {"v1", "endpoints"}).body).value();
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].pod_namespace, "a");
  const auto policies = read_policies(ask(Role::Developer, "GET", {"v1", "policies"}).body).value();
  ASSERT_EQ(policies.size(), 2u);
  EXPECT_EQ(policies[0].id, "NetworkPolicy/a/x");
  EXPECT_EQ(policies[1].id, "ClusterNetworkPolicy/all");
  EXPECT_TRUE(
      read_status(ask(Role::Developer, "GET", {"v1", "status"}).body).value().errors.empty());
  EXPECT_NE(ask(Role::Developer, "GET", {"v1", "flows"}).body, "");
  EXPECT_EQ(ask(Role::Developer, "GET", {"v1", "flows"}, "", {{"namespace", "b"}}).status, 403);
  EXPECT_EQ(ask(Role::Developer, "POST", {"v1", "explain"}, R"({"from":"b/x","to":"a/y"})").status,
            200);
  EXPECT_EQ(ask(Role::Developer, "POST", {"v1", "explain"}, R"({"from":"b/x","to":"c/y"})").status,
            403);
  EXPECT_EQ(ask(Role::Auditor, "POST", {"v1", "explain"}, R"({"from":"b/x","to":"c/y"})").status,
            200);
}

}  // namespace
}  // namespace bulkhead::control::api
