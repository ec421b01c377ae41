// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/packet/build.h"
#include "tests/support/pipeline_node.h"

namespace bulkhead::dataplane::testing {

// Every case in both families (law 8).
class PipelineCase : public ::testing::TestWithParam<Family> {
 protected:
  using Node = PipelineNode;

  [[nodiscard]] bool is_v4() const { return GetParam() == Family::V4; }
  [[nodiscard]] IpAddress web() const { return ip(is_v4() ? "10.0.0.1" : "fd00::1"); }
  [[nodiscard]] IpAddress db() const { return ip(is_v4() ? "10.0.0.2" : "fd00::2"); }
  [[nodiscard]] IpAddress nobody() const { return ip(is_v4() ? "10.0.0.77" : "fd00::77"); }
  [[nodiscard]] IpAddress host() const { return ip(is_v4() ? "192.0.2.1" : "2001:db8::1"); }
  [[nodiscard]] IpAddress world() const { return ip(is_v4() ? "203.0.113.9" : "2001:db8:9::9"); }
  [[nodiscard]] IpAddress gateway() const { return gateway_address(GetParam()); }

  [[nodiscard]] PacketBuilder to_db() const { return {web(), db()}; }
  [[nodiscard]] PacketBuilder to_web() const { return {db(), web()}; }

  // A whole handshake from web to db; the next numbers are 101 and 501.
  void connect(std::uint16_t port = 4000) {
    EXPECT_THAT(node.from_web(to_db().tcp(port, 5432, kTcpSyn, 100).scale(7)),
                forwarded_to(Node::kDb));
    EXPECT_THAT(node.from_db(to_web().tcp(5432, port, kTcpSyn | kTcpAck, 500, 101).scale(7)),
                forwarded_to(Node::kWeb));
    EXPECT_THAT(node.from_web(to_db().tcp(port, 5432, kTcpAck, 101, 501)), forwarded_to(Node::kDb));
  }
  void TearDown() override {
    node.generated();
    EXPECT_TRUE(node.is_conserved());
  }

  Node node;
};

inline auto both_families() { return ::testing::Values(Family::V4, Family::V6); }
inline std::string name_of_family(const ::testing::TestParamInfo<Family>& info) {
  return std::string(name_of(info.param));
}

}  // namespace bulkhead::dataplane::testing
