// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/api/api_server.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

namespace bulkhead::control::api {
namespace {

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

}  // namespace
}  // namespace bulkhead::control::api
