// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>

#include "control/flowlog/flowlog.h"
#include "control/metrics/collector.h"
#include "control/metrics/http.h"
#include "control/metrics/page_counts.h"
#include "control/metrics/process.h"
#include "policy/base/fd.h"

namespace bulkhead::control::metrics {
namespace {

using dataplane::api::kMaxCounterSlots;
using dataplane::api::StatsPage;

class FakeNames : public flowlog::Names {
 public:
  std::optional<flowlog::RuleName> rule(CounterSlot) const override { return std::nullopt; }
  std::optional<flowlog::PodName> pod(const IpAddress& ip) const override {
    return flowlog::PodName{ip.family == Family::V4 ? "web" : "db", "pod"};
  }
};

class FakeSource : public Source {
 public:
  ReadModel read() const override { return model; }
  bool is_ready() const override { return ready; }
  ReadModel model;
  bool ready = false;
};

// 8 MB of zeros, of which a test touches a few pages.
std::shared_ptr<StatsPage> new_page(std::uint64_t started_ns) {
  void* memory = ::mmap(nullptr, sizeof(StatsPage), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  auto* page = static_cast<StatsPage*>(memory);
  page->workers = 2;
  page->pid = static_cast<std::uint32_t>(::getpid());
  page->started_ns = started_ns;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  page->heartbeat_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000;
  return {page, [](StatsPage* held) { ::munmap(held, sizeof(StatsPage)); }};
}

compile::SlotInfo slot(std::uint32_t number, std::string rule, bool staged = false) {
  return {CounterSlot{number}, std::move(rule), Direction::Ingress, Verdict::Allow, staged};
}
std::shared_ptr<const SlotNames> names(SlotNames slots) {
  return std::make_shared<const SlotNames>(std::move(slots));
}

class Metrics : public testing::Test {
 protected:
  std::string scrape() { return prometheus::TextSerializer().Serialize(collector_.Collect()); }
  // The value of the series that is written exactly so, -1 when there is none.
  double value(const std::string& series) {
    const std::string text = "\n" + scrape();
    const auto at = text.find("\n" + series + " ");
    return at == text.npos ? -1 : std::strtod(text.c_str() + at + series.size() + 2, nullptr);
  }
  static std::string decision(const std::string& policy_namespace, const std::string& policy,
                              const std::string& rule, const char* mode = "enforced") {
    return "bulkhead_decisions_total{direction=\"ingress\",policy_namespace=\"" + policy_namespace +
           "\",policy=\"" + policy + "\",rule=\"" + rule + "\",verdict=\"allow\",mode=\"" + mode +
           "\"}";
  }

  FakeNames names_;
  FakeSource source_;
  flowlog::FlowLog flows_{names_, {}};
  Collector collector_{source_, flows_, "0.1.0"};
};

TEST_F(Metrics, SayThatNoDataPlaneIsThere) {
  EXPECT_EQ(value("bulkhead_dataplane_up"), 0);
  source_.model.stats = new_page(1);
  EXPECT_EQ(value("bulkhead_dataplane_up"), 1);
}

TEST_F(Metrics, SayThatADataPlaneHangs) {
  auto page = new_page(1);
  page->heartbeat_ns = 1;
  source_.model.stats = page;
  EXPECT_EQ(value("bulkhead_dataplane_up"), 0);
}

TEST_F(Metrics, CountPacketsByWorkerAndOutcomeAndDropsByReason) {
  auto page = new_page(1);
  page->worker[0].received = 10;
  page->worker[1].sent = 7;
  page->worker[0].drops[static_cast<std::size_t>(DropReason::SpoofedIp)] = 2;
  page->worker[1].drops[static_cast<std::size_t>(DropReason::SpoofedIp)] = 3;
  page->worker[1].drops[127] = 4;
  page->worker[0].busy_ns = 1'500'000'000;
  page->worker[0].events_lost = 6;
  source_.model.stats = page;
  EXPECT_EQ(value("bulkhead_packets_total{worker=\"0\",outcome=\"received\"}"), 10);
  EXPECT_EQ(value("bulkhead_packets_total{worker=\"1\",outcome=\"sent\"}"), 7);
  EXPECT_EQ(value("bulkhead_packets_total{worker=\"2\",outcome=\"sent\"}"), -1);
  EXPECT_EQ(value("bulkhead_drops_total{reason=\"spoofed_ip\"}"), 5);
  EXPECT_EQ(value("bulkhead_drops_total{reason=\"unknown\"}"), 4);
  EXPECT_EQ(value("bulkhead_worker_seconds_total{worker=\"0\",state=\"busy\"}"), 1.5);
  EXPECT_EQ(value("bulkhead_events_lost_total"), 6);
  for (const auto& info : drop_reasons()) {
    EXPECT_GE(value("bulkhead_drops_total{reason=\"" + std::string(info.name) + "\"}"), 0);
  }
}

TEST_F(Metrics, NeverGoBackWhenTheDataPlaneRestarts) {
  auto first = new_page(1);
  first->worker[0].received = 10;
  first->decisions[0][5] = 4;
  source_.model.stats = first;
  source_.model.slots = names({slot(5, "NetworkPolicy/db/web/ingress/0")});
  const auto received = "bulkhead_packets_total{worker=\"0\",outcome=\"received\"}";
  const auto rule = decision("db", "web", "NetworkPolicy/db/web/ingress/0");
  EXPECT_EQ(value(received), 10);
  first->worker[0].received = 12;
  collector_.remember(*first);
  source_.model.stats = nullptr;
  EXPECT_EQ(value(received), 12);
  EXPECT_EQ(value(rule), 4);
  auto second = new_page(2);
  second->worker[0].received = 3;
  second->decisions[1][5] = 1;
  source_.model.stats = second;
  EXPECT_EQ(value(received), 15);
  EXPECT_EQ(value(rule), 5);
  EXPECT_EQ(value(received), 15);
}

TEST_F(Metrics, DoNotBelieveAPageThatIsNotReady) {
  auto page = new_page(0);
  page->worker[0].received = 10;
  source_.model.stats = page;
  EXPECT_EQ(value("bulkhead_packets_total{worker=\"0\",outcome=\"received\"}"), -1);
}

TEST_F(Metrics, NameRulesAndTheirPolicies) {
  auto page = new_page(1);
  for (std::uint32_t i = 1; i <= 3; ++i) page->decisions[0][i] = i;
  source_.model.stats = page;
  source_.model.slots =
      names({slot(1, "ClusterNetworkPolicy/guard/ingress/2"), slot(2, "default/isolated"),
             slot(3, "Segment/a/b/ingress/0", true), slot(kMaxCounterSlots + 7, "default/node")});
  EXPECT_EQ(value(decision("", "guard", "ClusterNetworkPolicy/guard/ingress/2")), 1);
  EXPECT_EQ(value(decision("", "default", "default/isolated")), 2);
  EXPECT_EQ(value(decision("a", "b", "Segment/a/b/ingress/0", "staged")), 3);
}

TEST_F(Metrics, KeepARulesCountOverTableSwapsAndForgetAnOthersSlot) {
  auto page = new_page(1);
  page->decisions[0][1] = 10;
  source_.model.stats = page;
  source_.model.slots = names({slot(1, "Segment/a/old/ingress/0")});
  EXPECT_EQ(value(decision("a", "old", "Segment/a/old/ingress/0")), 10);
  source_.model.slots = names({slot(1, "Segment/a/old/ingress/0"), slot(2, "default/node")});
  EXPECT_EQ(value(decision("a", "old", "Segment/a/old/ingress/0")), 10);
  source_.model.slots = names({slot(1, "Segment/a/new/ingress/0")});
  page->decisions[0][1] = 13;
  EXPECT_EQ(value(decision("a", "new", "Segment/a/new/ingress/0")), 3);
  EXPECT_EQ(value(decision("a", "old", "Segment/a/old/ingress/0")), -1);
}

TEST_F(Metrics, WriteASlotOnceHoweverOftenItIsListed) {
  source_.model.stats = new_page(1);
  source_.model.slots = names({slot(1, "default/node"), slot(1, "default/node")});
  const auto text = scrape();
  const auto series = decision("", "default", "default/node");
  EXPECT_EQ(text.find(series), text.rfind(series));
}

TEST_F(Metrics, EscapeWhatALabelMayNotHold) {
  source_.model.stats = new_page(1);
  source_.model.slots = names({slot(1, "Segment/a/b\"\\\n/ingress/0")});
  EXPECT_NE(scrape().find("rule=\"Segment/a/b\\\"\\\\\\n/ingress/0\""), std::string::npos);
}

TEST_F(Metrics, AccountFlowsByNamespaces) {
  dataplane::api::Event event;
  event.kind = dataplane::api::EventKind::FlowUpdate;
  event.key.family = 4;
  event.packets[0] = 3;
  event.bytes[1] = 50;
  flows_.add(event);
  EXPECT_EQ(
      value("bulkhead_flow_packets_total{source_namespace=\"web\",destination_namespace=\"web\"}"),
      3);
  EXPECT_EQ(
      value("bulkhead_flow_bytes_total{source_namespace=\"web\",destination_namespace=\"web\"}"),
      50);
}

TEST_F(Metrics, ShowTheAgentsReadModel) {
  source_.model.revision_desired = 9;
  source_.model.revision_acknowledged = 8;
  source_.model.verified_ratio = 0.25;
  source_.model.stale_seconds = 3;
  source_.model.rejected = {{"parse", 2}};
  source_.model.endpoints = {{"ready", 5}};
  source_.model.port_kernel_drops = 11;
  Durations publish;
  publish.observe(0.02);
  source_.model.publish_seconds = publish.data();
  CallTimes calls;
  calls.observe("ADD", "ok", 0.003);
  source_.model.cni = calls.rows();
  EXPECT_EQ(value("bulkhead_policy_revision{stage=\"desired\"}"), 9);
  EXPECT_EQ(value("bulkhead_policy_revision{stage=\"acknowledged\"}"), 8);
  EXPECT_EQ(value("bulkhead_policy_verified_ratio"), 0.25);
  EXPECT_EQ(value("bulkhead_policy_stale_seconds"), 3);
  EXPECT_EQ(value("bulkhead_policy_rejected_total{cause=\"parse\"}"), 2);
  EXPECT_EQ(value("bulkhead_policy_rejected_total{cause=\"verify\"}"), 0);
  EXPECT_EQ(value("bulkhead_endpoints{state=\"ready\"}"), 5);
  EXPECT_EQ(value("bulkhead_port_kernel_drops_total"), 11);
  EXPECT_EQ(value("bulkhead_policy_publish_seconds_bucket{le=\"0.01\"}"), 0);
  EXPECT_EQ(value("bulkhead_policy_publish_seconds_bucket{le=\"0.025\"}"), 1);
  EXPECT_EQ(value("bulkhead_policy_publish_seconds_bucket{le=\"+Inf\"}"), 1);
  EXPECT_EQ(value("bulkhead_cni_seconds_count{verb=\"ADD\",code=\"ok\"}"), 1);
  EXPECT_EQ(value("bulkhead_build_info{version=\"0.1.0\"}"), 1);
}

TEST_F(Metrics, DescribeBothProcesses) {
  source_.model.stats = new_page(1);  // this process poses as the data plane
  for (const char* program : {"agent", "dataplane"}) {
    const auto label = "{program=\"" + std::string(program) + "\"}";
    EXPECT_GT(value("bulkhead_process_resident_memory_bytes" + label), 0);
    EXPECT_GE(value("bulkhead_process_cpu_seconds_total" + label), 0);
    EXPECT_GT(value("bulkhead_process_open_fds" + label), 0);
    EXPECT_GT(value("bulkhead_process_start_time_seconds" + label), 1e9);
  }
}

TEST_F(Metrics, PleasePromtool) {
  if (::access("/usr/bin/promtool", X_OK) != 0) GTEST_SKIP() << "promtool is not installed";
  source_.model.stats = new_page(1);
  source_.model.slots = names({slot(1, "Segment/a/b\"\\\n/ingress/0"), slot(2, "default/node")});
  source_.model.endpoints = {{"ready", 1}};
  source_.model.port_kernel_drops = 0;
  Durations publish;
  publish.observe(100);
  source_.model.publish_seconds = publish.data();
  source_.model.cni = {{"ADD", "ok", publish.data()}};
  char name[] = "/tmp/bulkhead-metrics-XXXXXX";
  const Fd file(::mkstemp(name));
  std::ofstream(name) << scrape();
  const auto command = "/usr/bin/promtool check metrics < " + std::string(name) + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string said;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) said += buffer;
  EXPECT_EQ(::pclose(pipe), 0);
  EXPECT_EQ(said, "");
  std::filesystem::remove(name);
}

TEST(CallTimes, BoundTheirPairs) {
  CallTimes calls;
  for (int i = 0; i < 1000; ++i) calls.observe("ADD", "code" + std::to_string(i), 0.1);
  EXPECT_LE(calls.rows().size(), 65u);
}

TEST(Process, ReadsANameWithParenthesesAndBlanks) {
  char pattern[] = "/tmp/bulkhead-proc-XXXXXX";
  const std::filesystem::path proc = ::mkdtemp(pattern);
  std::filesystem::create_directories(proc / "7/fd");
  std::ofstream(proc / "stat") << "cpu 1 2\nbtime 1000\n";
  std::ofstream(proc / "7/stat") << "7 (a ) b) S 1 1 1 0 -1 0 0 0 0 0 "
                                 << 3 * ::sysconf(_SC_CLK_TCK) << " " << ::sysconf(_SC_CLK_TCK)
                                 << " 0 0 20 0 5 0 " << 2 * ::sysconf(_SC_CLK_TCK)
                                 << " 4096 10 0 0 0";
  std::ofstream(proc / "7/limits")
      << "Max open files            1024                 4096   files\n";
  const auto report = read_process(7, proc.string()).value();
  EXPECT_EQ(report.cpu_seconds, 4);
  EXPECT_EQ(report.threads, 5);
  EXPECT_EQ(report.virtual_bytes, 4096);
  EXPECT_EQ(report.resident_bytes, 10.0 * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(report.start_time_seconds, 1002);
  EXPECT_EQ(report.open_fds, 0.0);
  EXPECT_EQ(report.max_fds, 1024.0);
  EXPECT_FALSE(read_process(8, proc.string()));
  std::filesystem::remove_all(proc);
}

// Fetches by curl's way: a plain socket to the port.
std::string fetch(std::uint16_t port, const std::string& target) {
  const auto command = "curl -s -i http://127.0.0.1:" + std::to_string(port) + target;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string said;
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) said += buffer;
  ::pclose(pipe);
  return said;
}

class MetricsHttp : public Metrics {};

TEST_F(MetricsHttp, ServesMetricsHealthAndReadiness) {
  if (std::system("curl --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "curl is not installed";
  const auto server = HttpServer::start("127.0.0.1:0", source_, collector_).value();
  EXPECT_NE(fetch(server->port(), "/metrics").find("bulkhead_build_info{version=\"0.1.0\"} 1"),
            std::string::npos);
  EXPECT_NE(fetch(server->port(), "/metrics").find("text/plain; version=0.0.4"), std::string::npos);
  EXPECT_NE(fetch(server->port(), "/healthz").find(" 200 "), std::string::npos);
  EXPECT_NE(fetch(server->port(), "/readyz").find(" 503 "), std::string::npos);
  source_.ready = true;
  EXPECT_NE(fetch(server->port(), "/readyz").find(" 200 "), std::string::npos);
  EXPECT_NE(fetch(server->port(), "/../etc/passwd").find(" 404 "), std::string::npos);
}

TEST_F(MetricsHttp, RefusesAnAddressThatIsTakenOrIsNone) {
  const auto server = HttpServer::start("127.0.0.1:0", source_, collector_).value();
  EXPECT_FALSE(
      HttpServer::start("127.0.0.1:" + std::to_string(server->port()), source_, collector_));
  for (const char* text :
       {"", "9470", "127.0.0.1", "127.0.0.1:", "127.0.0.1:70000", "::1:9470", ":9470"}) {
    EXPECT_FALSE(HttpServer::start(text, source_, collector_)) << text;
  }
}

}  // namespace
}  // namespace bulkhead::control::metrics
