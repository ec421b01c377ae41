// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "control/cli/commands.h"

namespace bulkhead::control::cli {

inline constexpr const char* kPods = R"(apiVersion: v1
kind: Pod
metadata: {name: web, namespace: frontend, labels: {app: web}}
spec: {containers: [{name: c, image: x, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: backend, labels: {app: db}}
spec: {containers: [{name: c, image: x, ports: [{containerPort: 3306}]}]}
)";
inline constexpr const char* kSegment = R"(apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: backend, namespace: backend}
spec:
  ingress:
  - from: [{namespace: frontend, pods: {app: web}}]
    ports: [TCP/3306]
)";
inline constexpr const char* kMisspelt = R"(apiVersion: bulkhead.io/v1alpha1
kind: Segment
metadata: {name: backend, namespace: backend}
spec:
  ingress:
  - form: [{namespace: frontend}]
)";

struct Ended {
  int status = -1;
  std::string out;
  std::string err;
  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

class CommandTest : public testing::Test {
 protected:
  CommandTest() {
    char pattern[] = "/tmp/bulkhead-cli-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    write("pods.yaml", kPods);
    write("segment.yaml", kSegment);
  }
  ~CommandTest() override { std::filesystem::remove_all(folder_); }

  void write(const char* name, std::string_view text) { std::ofstream(folder_ / name) << text; }
  std::string path(const char* name = "") const { return (folder_ / name).string(); }

  static Ended bulkhead(std::vector<std::string> words) {
    std::vector<const char*> argv{"bulkhead"};
    for (const auto& word : words) argv.push_back(word.c_str());
    std::ostringstream out, err;
    const int status = run(static_cast<int>(argv.size()), argv.data(), out, err);
    return {status, out.str(), err.str()};
  }

  std::filesystem::path folder_;
};

}  // namespace bulkhead::control::cli
