// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "dataplane/api/channel.h"
#include "dataplane/api/stats.h"
#include "policy/table/builder.h"

namespace bulkhead::scenario {

// The real bulkhead-dataplane under a root of the test's own.
class Plane {
 public:
  explicit Plane(std::vector<std::string> arguments = {});
  ~Plane();
  Plane(const Plane&) = delete;
  Plane& operator=(const Plane&) = delete;

  void start();  // returns when it is ready
  void kill();   // SIGKILL
  int stop();    // SIGTERM; its exit code

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] std::filesystem::path root() const { return root_; }
  [[nodiscard]] std::filesystem::path socket() const {
    return root_ / "run/bulkhead/dataplane.sock";
  }

 private:
  std::filesystem::path root_;
  std::vector<std::string> arguments_;
  pid_t pid_ = -1;
  Fd log_;
};

// Plays the agent on dataplane.sock.
class FakeAgent {
 public:
  explicit FakeAgent(const std::filesystem::path& socket);  // connects and greets

  struct Port {
    dataplane::api::AttachPort attached;
    std::vector<Fd> fds;
  };
  dataplane::api::HelloReply greeting;
  std::vector<Port> ports;  // handed back
  std::vector<Fd> shared;   // statistics page, event rings, eventfd

  [[nodiscard]] dataplane::api::Ack attach(const dataplane::api::AttachPort& port,
                                           std::vector<int> fds);
  [[nodiscard]] dataplane::api::Ack detach(std::uint32_t port, std::uint32_t generation);
  [[nodiscard]] dataplane::api::Ack upsert(
      const std::vector<dataplane::api::AddressUpdate>& updates);
  [[nodiscard]] dataplane::api::Ack publish(Revision revision,
                                            std::span<const table::Section> sections,
                                            bool sends_all = true);
  // A message as it is, and its answer.
  [[nodiscard]] dataplane::api::Ack say(const std::vector<std::byte>& message,
                                        const std::vector<int>& fds = {});
  [[nodiscard]] dataplane::api::PortClosed wait_for_closed();

  [[nodiscard]] const dataplane::api::StatsPage& stats() const { return *stats_; }
  // Summed over all workers.
  [[nodiscard]] std::uint64_t drops(DropReason reason) const;
  [[nodiscard]] std::uint64_t total(
      dataplane::api::Counter dataplane::api::WorkerStats::*counter) const;
  // Empty when it holds for every worker, within a second of quiet; else what does not add up.
  [[nodiscard]] std::string conservation() const;

 private:
  dataplane::api::Message next();
  dataplane::api::Channel channel_;
  std::uint64_t sequence_ = 0;
  const dataplane::api::StatsPage* stats_ = nullptr;
};

}  // namespace bulkhead::scenario
