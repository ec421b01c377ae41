// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/source/dir_source.h"

namespace bulkhead::control::source {

namespace fs = std::filesystem;
inline constexpr auto kNamespace = "{apiVersion: v1, kind: Namespace, metadata: {name: web}}\n";
inline constexpr auto kOther = "{apiVersion: v1, kind: Namespace, metadata: {name: db}}\n";

// A folder of its own and a clock that moves only when told.
class DirSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bulkhead-source-XXXXXX").native();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    base_ = name;
    folder_ = base_ / "policies.d";
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(base_); }

  void start(std::vector<std::string> known = {}) {
    auto source = DirSource::open(folder_, std::move(known));
    ASSERT_TRUE(source) << source.error().text();
    source_ = std::move(*source);
  }
  void write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  // What read() says now and once the events have settled, as "unit: what".
  std::vector<std::string> read() {
    std::vector<std::string> said = read_once();
    now_ += kQuietOfMany;
    for (auto& line : read_once()) said.push_back(std::move(line));
    return said;
  }
  std::vector<std::string> read_once() {
    std::vector<std::string> said;
    for (const auto& change : source_->read(now_)) {
      switch (change.kind) {
        case ChangeKind::Present:
          said.push_back(change.unit + ": " +
                         (change.content->parsed.is_broken()
                              ? "broken"
                              : change.content->parsed.objects.namespaces.at(0)->name));
          break;
        case ChangeKind::Vanishing:
          said.push_back(change.unit + ": vanishing");
          break;
        case ChangeKind::Gone:
          said.push_back(change.unit + ": gone");
          break;
      }
    }
    return said;
  }

  fs::path base_, folder_;
  std::unique_ptr<DirSource> source_;
  Time now_{std::chrono::seconds{1000}};
};

}  // namespace bulkhead::control::source
