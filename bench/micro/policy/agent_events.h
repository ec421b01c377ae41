// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/micro/policy/cluster.h"
#include "control/source/source.h"

namespace bulkhead::bench {

// What one event cost the control thread, by stage, in microseconds.
struct EventCost {
  double state = 0;  // unit or attachment to the wished state
  double compile = 0;
  double verify = 0;   // what the change can touch, before the swap
  double publish = 0;  // numbers and journal on disk, messages, notes of what is held
  [[nodiscard]] double total() const { return state + compile + verify + publish; }
};

// The agent's control thread at a cluster's size, from the parsed change to the acknowledgement:
// the store, the wished state, the compiler, the second reader and the publisher are the agent's;
// the data plane is a fake that acknowledges at once. Exits with a message when a step fails.
[[nodiscard]] std::map<std::string, std::vector<EventCost>> run_agent_events(const Shape& shape,
                                                                             std::size_t rounds);

// From the last write of a policy file to its parsed content, in a folder of so many files: what
// inotify, the 1 ms wait for neighbouring events, reading and parsing take. In microseconds.
[[nodiscard]] std::vector<double> run_file_events(std::size_t files, std::size_t rounds);

// Waits for what a source says next, as the agent's loop does.
[[nodiscard]] std::vector<control::source::Change> next_changes(control::source::Source& source);

// One changed policy of a local pod, from its writer's closing the file to the acknowledgement of
// the fake data plane, in microseconds: inotify, the wait, parsing and all that Cost names.
[[nodiscard]] std::vector<double> run_file_to_acknowledged(const Shape& shape, std::size_t rounds);

}  // namespace bulkhead::bench
