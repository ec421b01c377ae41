// SPDX-License-Identifier: Apache-2.0
#include "control/agent/news.h"

#include <gtest/gtest.h>

namespace bulkhead::control::agent {
namespace {

TEST(News, TheSameTroubleIsToldOnce) {
  News news;
  EXPECT_TRUE(news.is_new("publish", "disk full"));
  EXPECT_FALSE(news.is_new("publish", "disk full"));
  EXPECT_TRUE(news.is_new("publish", "verify: mismatch"));
}

TEST(News, TopicsDoNotHideEachOther) {
  News news;
  EXPECT_TRUE(news.is_new("file a", "broken"));
  EXPECT_TRUE(news.is_new("file b", "broken"));
}

TEST(News, WhatCameBackAfterAllWasWellIsNew) {
  News news;
  EXPECT_TRUE(news.is_new("publish", "disk full"));
  EXPECT_FALSE(news.is_new("publish", ""));
  EXPECT_TRUE(news.is_new("publish", "disk full"));
}

}  // namespace
}  // namespace bulkhead::control::agent
