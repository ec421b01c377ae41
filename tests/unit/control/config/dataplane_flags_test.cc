// SPDX-License-Identifier: Apache-2.0
#include "control/config/dataplane_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bulkhead::control {
namespace {

using ::testing::HasSubstr;

TEST(DataplaneFlags, AnEnvironmentFileHoldsWhatTheConfigurationSays) {
  Config config;
  config.workers = 2;
  config.memory = "hugepages";
  config.instance = "lab";
  config.ports.resize(1);
  config.ports[0].devargs = "net_af_packet0,iface=veth0";
  const auto text = dataplane_environment(config, Paths{"/srv"});
  ASSERT_TRUE(text) << text.error().text();
  EXPECT_EQ(*text,
            "FLAGS=\"--root /srv --workers 2 --poll adaptive --io auto --memory hugepages "
            "--flows-max 262144 --instance lab --port net_af_packet0,iface=veth0\"\n");
}

// A space would make two flags of one, and `$` another value.
TEST(DataplaneFlags, WhatAnEnvironmentFileWouldReadOtherwiseIsRefused) {
  for (const char* root : {"/a b", "/a\"b", "/$HOME", "/a\\b", "/a\nb", "/a'b"}) {
    const auto text = dataplane_environment(Config{}, Paths{root});
    ASSERT_FALSE(text) << root;
    EXPECT_THAT(text.error().text(), HasSubstr(root));
  }
}

}  // namespace
}  // namespace bulkhead::control
