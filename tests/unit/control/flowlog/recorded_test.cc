// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/recorded.h"

#include <gtest/gtest.h>

#include "control/flowlog/record.h"

namespace bulkhead::control::flowlog {
namespace {

FlowRecord record() {
  FlowRecord made;
  made.time_ns = 1'700'000'000'000'000'001;
  made.event = "denied";
  made.reason = DropReason::DeniedIngress;
  made.source = {"web", "web-0", IpAddress::parse("fd00::1").value(), 40000};
  made.destination = {"", "", IpAddress::parse("192.0.2.1").value(), 443};
  made.protocol = 6;
  made.rule = "default/isolated";
  return made;
}

TEST(Recorded, ReadsWhatIsWritten) {
  const auto read = read_recorded(json_of(record()));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->time, "2023-11-14T22:13:20.000000001Z");
  EXPECT_EQ(read->event, "denied");
  EXPECT_EQ(read->verdict, Verdict::Deny);
  EXPECT_EQ(read->reason, "denied_ingress");
  EXPECT_EQ(read->source.pod_namespace + "/" + read->source.pod, "web/web-0");
  EXPECT_EQ(read->source.ip.text(), "fd00::1");
  EXPECT_EQ(read->destination.pod, "");
  EXPECT_EQ(read->destination.port, 443);
  EXPECT_EQ(read->protocol, 6);
  EXPECT_EQ(read->rule, "default/isolated");
}

TEST(Recorded, KeepsAProtocolThatHasNoName) {
  auto made = record();
  made.protocol = 89;
  EXPECT_EQ(read_recorded(json_of(made)).value().protocol, 89);
}

TEST(Recorded, RefusesWhatIsNoRecord) {
  const std::string good = json_of(record());
  for (const auto& [what, by] : {std::pair{"\"deny\"", "\"maybe\""},
                                 {"\"TCP\"", "\"TCPX\""},
                                 {"\"fd00::1\"", "\"fd00::x\""},
                                 {"40000", "70000"},
                                 {"40000", "-1"},
                                 {"\"web-0\"", "\"\""},
                                 {"\"source\"", "\"sauce\""}}) {
    std::string bad = good;
    bad.replace(bad.find(what), std::string_view(what).size(), by);
    EXPECT_FALSE(read_recorded(bad)) << bad;
  }
  for (const char* bad : {"", "{", "[]", "null", "{}"}) EXPECT_FALSE(read_recorded(bad)) << bad;
}

}  // namespace
}  // namespace bulkhead::control::flowlog
