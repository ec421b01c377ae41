// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <thread>

#include "policy/base/fd.h"

namespace bulkhead {

// Runs a test's body on a thread that has a network of its own, so that "the host" of the test is
// never the machine. Skips, and says so, without the privilege.
template <class Body>
void in_private_network(Body body) {
  bool is_private = false;
  std::thread([&] {
    is_private = ::unshare(CLONE_NEWNET) == 0;
    if (is_private) body();
  }).join();
  if (!is_private) GTEST_SKIP() << "needs CAP_SYS_ADMIN for a private network namespace";
}

// A pod's namespace, alive as long as this object (and whatever else holds it).
class PodNamespace {
 public:
  PodNamespace() {
    std::thread([this] {
      EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
      fd_ = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
  }
  // For other processes as well.
  [[nodiscard]] std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.value());
  }

  // Runs `work` inside.
  template <class Work>
  void run(Work work) const {
    std::thread([&] {
      ASSERT_EQ(::setns(fd_.value(), CLONE_NEWNET), 0);
      work();
    }).join();
  }
  [[nodiscard]] std::string output(const std::string& command) const;

 private:
  Fd fd_;
};

// What a shell command prints in the calling thread's network; standard error included.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> buffer;
  while (const auto size = ::fread(buffer.data(), 1, buffer.size(), pipe)) {
    text.append(buffer.data(), size);
  }
  ::pclose(pipe);
  return text;
}

inline std::string PodNamespace::output(const std::string& command) const {
  std::string text;
  run([&] { text = output_of(command); });
  return text;
}

}  // namespace bulkhead
