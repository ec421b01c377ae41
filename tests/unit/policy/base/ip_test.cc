// SPDX-License-Identifier: Apache-2.0
#include "policy/base/ip.h"

#include <gtest/gtest.h>

namespace bulkhead {
namespace {

Prefix prefix(std::string_view text) { return Prefix::parse(text).value().prefix; }
IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  for (const char* text : {"10.0.0.1", "255.255.255.255", "fd00::1", "::", "2001:db8::ff"}) {
    EXPECT_EQ(ip(text).text(), text);
  }
}

TEST(IpAddress, RefusesWhatIsNotAnAddress) {
  for (const char* text :
       {"", "10.0.0", "10.0.0.256", "010.0.0.1", "fe80::1%eth0", "1.2.3.4 ", "::g"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0", 9)));
}

TEST(IpAddress, NeverEqualsTheOtherFamily) { EXPECT_NE(ip("0.0.0.0"), ip("::")); }

TEST(Prefix, ClearsHostBitsAndSaysSo) {
  const auto parsed = Prefix::parse("10.1.2.3/8").value();
  EXPECT_TRUE(parsed.had_host_bits);
  EXPECT_EQ(parsed.prefix.text(), "10.0.0.0/8");
  EXPECT_FALSE(Prefix::parse("10.0.0.0/8").value().had_host_bits);
  EXPECT_EQ(prefix("2001:db8:ffff::/33").text(), "2001:db8:8000::/33");
}

TEST(Prefix, ContainsByLeadingBits) {
  EXPECT_TRUE(prefix("10.0.0.0/9").contains(ip("10.127.255.255")));
  EXPECT_FALSE(prefix("10.0.0.0/9").contains(ip("10.128.0.0")));
  EXPECT_TRUE(prefix("fd00::/127").contains(ip("fd00::1")));
  EXPECT_FALSE(prefix("fd00::/127").contains(ip("fd00::2")));
  EXPECT_TRUE(prefix("10.0.0.0/8").contains(prefix("10.2.0.0/16")));
  EXPECT_FALSE(prefix("10.2.0.0/16").contains(prefix("10.0.0.0/8")));
}

TEST(Prefix, NeverCoversTheOtherFamily) {
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::")));
  EXPECT_FALSE(prefix("::/0").contains(ip("0.0.0.0")));
  EXPECT_FALSE(prefix("::/0").contains(prefix("0.0.0.0/0")));
}

TEST(Prefix, RefusesBadLengths) {
  for (const char* text :
       {"10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0"}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

}  // namespace
}  // namespace bulkhead
