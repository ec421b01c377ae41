// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/flowlog.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>

#include "control/flowlog/audit.h"
#include "control/flowlog/json_text.h"
#include "control/flowlog/reader.h"

namespace bulkhead::control::flowlog {
namespace {

using dataplane::api::Event;
using dataplane::api::EventKind;
using dataplane::api::EventRings;
using dataplane::api::kEventRingSize;

const IpAddress kWeb = IpAddress::parse("fd00::1").value();
const IpAddress kOutside = IpAddress::parse("2001:db8::1").value();
const IpAddress kDb = IpAddress::parse("fd00::2").value();

class FakeNames : public Names {
 public:
  std::optional<RuleName> rule(CounterSlot slot) const override {
    switch (slot.value) {
      case 1:
        return RuleName{"Segment/web/web/egress/0", Direction::Egress, Verdict::Allow, false};
      case 2:
        return RuleName{"NetworkPolicy/db/db/ingress/0", Direction::Ingress, Verdict::Allow, false};
      case 3:
        return RuleName{"default/isolated", Direction::Ingress, Verdict::Deny, false};
      case 4:
        return RuleName{"default/isolated", Direction::Egress, Verdict::Deny, false};
      default:
        return std::nullopt;
    }
  }
  std::optional<PodName> pod(const IpAddress& ip) const override {
    if (ip == kWeb) return PodName{web_namespace, "web-0"};
    if (ip == kDb) return PodName{"db", "db-0"};
    return std::nullopt;
  }
  std::string web_namespace = "web";
};

struct EventOf {
  Event event;
  EventOf(EventKind kind, const IpAddress& from, const IpAddress& to) {
    event.kind = kind;
    event.key.family = static_cast<std::uint8_t>(from.family);
    event.key.protocol = 6;
    event.key.source_port = Be16(40000);
    event.key.destination_port = Be16(5432);
    std::copy(from.bytes.begin(), from.bytes.end(), event.key.source);
    std::copy(to.bytes.begin(), to.bytes.end(), event.key.destination);
    event.time_ns = 1'769'853'600'000'000'001;  // 2026-01-31T10:00:00.000000001Z
    event.revision = 7;
  }
  EventOf& slots(std::uint32_t egress, std::uint32_t ingress) {
    event.egress_slot = egress;
    event.ingress_slot = ingress;
    return *this;
  }
  EventOf& because(DropReason reason) {
    event.reason = reason;
    return *this;
  }
  EventOf& counted(std::uint64_t packets, std::uint64_t bytes) {
    event.packets[0] = packets;
    event.packets[1] = 1;
    event.bytes[0] = bytes;
    event.bytes[1] = 10;
    return *this;
  }
};

class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/bulkhead-flowlog-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(FlowRecord, HasTheFormOfTheDesign) {
  const FakeNames names;
  const auto record =
      record_of(EventOf(EventKind::FlowUpdate, kWeb, kDb).slots(1, 2).counted(3, 300).event, names);
  const auto json = nlohmann::json::parse(json_of(record));
  EXPECT_EQ(json["time"], "2026-01-31T10:00:00.000000001Z");
  EXPECT_EQ(json["verdict"], "allow");
  EXPECT_EQ(json["reason"], "none");
  EXPECT_EQ(
      json["source"],
      (nlohmann::json{{"namespace", "web"}, {"pod", "web-0"}, {"ip", "fd00::1"}, {"port", 40000}}));
  EXPECT_EQ(json["destination"]["pod"], "db-0");
  EXPECT_EQ(json["destination"]["port"], 5432);
  EXPECT_EQ(json["protocol"], "TCP");
  EXPECT_EQ(json["direction"], "ingress");
  EXPECT_EQ(json["rule"], "NetworkPolicy/db/db/ingress/0");
  EXPECT_EQ(json["revision"], 7);
  EXPECT_EQ(json["packets"], 4);
  EXPECT_EQ(json["bytes"], 310);
}

TEST(FlowRecord, NamesTheDirectionThatDenied) {
  const FakeNames names;
  const auto egress = record_of(
      EventOf(EventKind::Denied, kWeb, kDb).slots(4, 2).because(DropReason::DeniedEgress).event,
      names);
  EXPECT_EQ(egress.direction, Direction::Egress);
  EXPECT_EQ(egress.rule, "default/isolated");
  EXPECT_EQ(egress.verdict, Verdict::Deny);
  const auto ingress = record_of(
      EventOf(EventKind::Denied, kWeb, kDb).slots(1, 3).because(DropReason::DeniedIngress).event,
      names);
  EXPECT_EQ(ingress.direction, Direction::Ingress);
  const auto cut = record_of(
      EventOf(EventKind::FlowCut, kWeb, kDb).slots(4, 2).because(DropReason::EstablishedCut).event,
      names);
  EXPECT_EQ(cut.direction, Direction::Egress);
  EXPECT_EQ(cut.verdict, Verdict::Deny);
}

TEST(FlowRecord, SaysEgressWhenOnlyThatWasDecidedHere) {
  const FakeNames names;
  const auto record = record_of(EventOf(EventKind::FlowNew, kWeb, kDb).slots(1, 0).event, names);
  EXPECT_EQ(record.direction, Direction::Egress);
  EXPECT_EQ(record.rule, "Segment/web/web/egress/0");
}

TEST(FlowRecord, NeverTakesAnUnknownKindForAnAllow) {
  const FakeNames names;
  const auto record = record_of(EventOf(static_cast<EventKind>(99), kWeb, kDb).event, names);
  EXPECT_EQ(record.verdict, Verdict::Deny);
  EXPECT_EQ(record.event, "unknown");
}

TEST(FlowRecord, EscapesWhatANameMayNotHold) {
  FakeNames names;
  names.web_namespace = "a\"\\\n\x1b[31m\xe2\x80\xae";
  const auto json = json_of(record_of(EventOf(EventKind::FlowNew, kWeb, kDb).event, names));
  for (const char c : json) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
  const auto text = text_of_json(json).value();
  for (const char c : text) EXPECT_TRUE(c >= 0x20 && c <= 0x7e);
  EXPECT_NE(text.find("db/db-0 [fd00::2]:5432"), std::string::npos) << text;
}

TEST(FlowRecord, TextSurvivesAForeignLine) {
  EXPECT_FALSE(text_of_json("garbage"));
  EXPECT_FALSE(text_of_json("[1]"));
  EXPECT_TRUE(text_of_json(R"({"source":7,"packets":"many"})"));
}

class FlowLogTest : public testing::Test {
 protected:
  static std::size_t count(FlowLog& log, Filter filter) { return log.recent(filter).size(); }
  FakeNames names_;
};

TEST_F(FlowLogTest, KeepsABoundedRing) {
  FlowLog log(names_, {{}, 1 << 20, 1, 3});
  for (std::uint64_t i = 0; i < 10; ++i) {
    log.add(EventOf(EventKind::FlowNew, kWeb, kDb).counted(i, 0).event);
  }
  const auto recent = log.recent({});
  ASSERT_EQ(recent.size(), 3u);
  EXPECT_EQ(recent.front()->packets, 8u);
  EXPECT_EQ(recent.back()->packets, 10u);
}

TEST_F(FlowLogTest, FiltersByVerdictNamespaceAndWhoAsks) {
  FlowLog log(names_, {});
  log.add(EventOf(EventKind::FlowNew, kWeb, kDb).event);
  log.add(EventOf(EventKind::Denied, kWeb, kOutside).event);
  EXPECT_EQ(count(log, {}), 2u);
  EXPECT_EQ(count(log, {.verdict = Verdict::Deny, .namespace_name = {}, .visible = {}}), 1u);
  EXPECT_EQ(count(log, {.verdict = {}, .namespace_name = "db", .visible = {}}), 1u);
  EXPECT_EQ(count(log, {.verdict = {}, .namespace_name = "web", .visible = {}}), 2u);
  EXPECT_EQ(count(log, {.verdict = {}, .namespace_name = {}, .visible = {{"db"}}}), 1u);
  EXPECT_EQ(count(log, {.verdict = {}, .namespace_name = {}, .visible = {{}}}), 0u);
  EXPECT_EQ(count(log, {.verdict = {}, .namespace_name = {}, .visible = {{""}}}), 0u);
}

TEST_F(FlowLogTest, NamesAPodAsItWasWhenItHappened) {
  FlowLog log(names_, {});
  log.add(EventOf(EventKind::FlowNew, kWeb, kDb).event);
  names_.web_namespace = "later";
  EXPECT_EQ(log.recent({}).front()->source.pod_namespace, "web");
}

TEST_F(FlowLogTest, GivesFollowersWhatPassesTheirFilter) {
  FlowLog log(names_, {});
  const auto denied =
      log.subscribe({.verdict = Verdict::Deny, .namespace_name = {}, .visible = {}});
  log.add(EventOf(EventKind::FlowNew, kWeb, kDb).event);
  log.add(EventOf(EventKind::Denied, kWeb, kDb).event);
  EXPECT_EQ(denied->take(std::chrono::milliseconds(0)).size(), 1u);
  EXPECT_TRUE(denied->take(std::chrono::milliseconds(0)).empty());
  log.close_subscriptions();
  EXPECT_TRUE(denied->is_closed());
}

TEST_F(FlowLogTest, ASlowFollowerLosesItsOldestAndNothingElse) {
  FlowLog log(names_, {});
  const auto slow = log.subscribe({});
  for (std::uint64_t i = 0; i < 5000; ++i) {
    log.add(EventOf(EventKind::FlowNew, kWeb, kDb).counted(i, 0).event);
  }
  const auto taken = slow->take(std::chrono::milliseconds(0));
  EXPECT_EQ(taken.size(), 4096u);
  EXPECT_EQ(taken.back()->packets, 5000u);
  EXPECT_EQ(log.recent({}).size(), 5000u);
}

TEST_F(FlowLogTest, AccountsTrafficByNamespacePairAndNotWhatWasDenied) {
  FlowLog log(names_, {});
  log.add(EventOf(EventKind::FlowUpdate, kWeb, kDb).counted(3, 300).event);
  log.add(EventOf(EventKind::FlowClosed, kWeb, kDb).counted(1, 90).event);
  log.add(EventOf(EventKind::Denied, kWeb, kDb).counted(100, 100).event);
  log.add(EventOf(EventKind::FlowUpdate, kWeb, kOutside).counted(0, 0).event);
  const auto traffic = log.traffic();
  ASSERT_EQ(traffic.size(), 2u);
  EXPECT_EQ(traffic.at({"web", "db"}).packets, 6u);
  EXPECT_EQ(traffic.at({"web", "db"}).bytes, 410u);
  EXPECT_EQ(traffic.at({"web", ""}).packets, 1u);
}

TEST_F(FlowLogTest, CapsItsSeries) {
  FlowLog log(names_, {{}, 1 << 20, 1, 1});
  for (std::size_t i = 0; i < FlowLog::kSeriesLimit + 50; ++i) {
    names_.web_namespace = "n" + std::to_string(i);
    log.add(EventOf(EventKind::FlowUpdate, kWeb, kDb).event);
  }
  const auto traffic = log.traffic();
  EXPECT_EQ(traffic.size(), FlowLog::kSeriesLimit + 1);
  EXPECT_EQ(traffic.at({"(other)", "(other)"}).packets, 0u);
}

TEST_F(FlowLogTest, ExportsALineARecord) {
  const Folder folder;
  FlowLog log(names_, {folder / "flows.jsonl", 1 << 20, 1, 10});
  log.add(EventOf(EventKind::FlowNew, kWeb, kDb).event);
  log.add(EventOf(EventKind::Denied, kWeb, kDb).event);
  log.flush();
  const auto text = text_of(folder / "flows.jsonl");
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_EQ(text, json_of(*log.recent({})[0]) + "\n" + json_of(*log.recent({})[1]) + "\n");
}

TEST(LogFile, RotatesBySize) {
  const Folder folder;
  LogFile file(folder / "a.jsonl", 10, 2);
  for (const char* line : {"first-", "second", "third-", "fourth"}) {
    file.append(line);
    file.flush();
  }
  EXPECT_EQ(text_of(folder / "a.jsonl"), "fourth\n");
  EXPECT_EQ(text_of(folder / "a.jsonl.1"), "third-\n");
  EXPECT_EQ(text_of(folder / "a.jsonl.2"), "second\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "a.jsonl.3"));
}

TEST(LogFile, CountsWhatItCannotWriteAndGoesOn) {
  const Folder folder;
  LogFile file(folder / "missing/a.jsonl", 1000, 1);
  file.append("lost");
  file.append("lost too");
  file.flush();
  EXPECT_EQ(file.lost_lines(), 2u);
  std::filesystem::create_directory(folder / "missing");
  file.append("kept");
  file.flush();
  EXPECT_EQ(text_of(folder / "missing/a.jsonl"), "kept\n");
  EXPECT_EQ(file.lost_lines(), 2u);
}

TEST(LogFile, SurvivesAFullDisk) {
  LogFile file("/dev/full", ~0ull, 0);
  file.append("no room");
  file.flush();
  EXPECT_EQ(file.lost_lines(), 1u);
}

TEST(LogFile, ComesBackWhenSomebodyTookItAway) {
  const Folder folder;
  LogFile file(folder / "a.jsonl", 1000, 1);
  file.append("one");
  file.flush();
  std::filesystem::remove(folder / "a.jsonl");
  file.append("two");
  file.flush();
  EXPECT_EQ(text_of(folder / "a.jsonl"), "two\n");
}

TEST(AuditLog, WritesEachLineAtOnceAndSafely) {
  const Folder folder;
  AuditLog audit(folder / "audit.jsonl");
  audit.add({0, 1000, 1000, 42, "none", "GET", std::string(500, 'a') + "\x1b", 403, "forbidden"});
  const auto line = nlohmann::json::parse(text_of(folder / "audit.jsonl"));
  EXPECT_EQ(line["time"], "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(line["uid"], 1000);
  EXPECT_EQ(line["status"], 403);
  EXPECT_EQ(line["path"].get<std::string>().size(), 256u);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "audit.jsonl").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

class Rings : public testing::Test {
 protected:
  Rings() { rings_->workers = 2; }
  void write(std::size_t worker, std::uint64_t packets) {
    auto& ring = rings_->ring[worker];
    const auto head = ring.head.load();
    ring.events[head % kEventRingSize].packets[0] = packets;
    ring.head.store(head + 1);
  }
  std::shared_ptr<EventRings> rings_ = std::make_shared<EventRings>();
};

TEST_F(Rings, AreDrainedOnceInOrder) {
  std::vector<std::uint64_t> taken;
  const auto take = [&](const Event& event) { taken.push_back(event.packets[0]); };
  write(0, 1);
  write(0, 2);
  write(1, 3);
  EXPECT_EQ(drain(*rings_, take), 3u);
  EXPECT_EQ(drain(*rings_, take), 0u);
  EXPECT_EQ(taken, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(rings_->ring[0].tail.load(), 2u);
}

TEST_F(Rings, WithAHeadThatMakesNoSenseAreEmptied) {
  rings_->ring[0].head.store(kEventRingSize * 5);
  rings_->workers = 1000;
  EXPECT_EQ(drain(*rings_, [](const Event&) {}), 0u);
  EXPECT_EQ(rings_->ring[0].tail.load(), kEventRingSize * 5);
  write(0, 9);
  EXPECT_EQ(drain(*rings_, [](const Event&) {}), 1u);
}

TEST_F(Rings, AReaderWakesForEventsAndTakesTheLastOnesWhenItEnds) {
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int signal = wake.value();
  std::promise<void> first;
  std::atomic<std::uint64_t> taken = 0;
  {
    RingReader reader(rings_, std::move(wake),
                      [&](const Event&) {
                        if (taken.fetch_add(1) == 0) first.set_value();
                      },
                      {});
    write(1, 1);
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(signal, &one, sizeof one), 8);
    first.get_future().get();
    write(0, 2);
  }
  EXPECT_EQ(taken.load(), 2u);
}

}  // namespace
}  // namespace bulkhead::control::flowlog
