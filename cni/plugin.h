// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cni/request.h"

// One call of bulkhead-cni from environment and standard input to the JSON on standard output.
// Stateless: what it must remember is the IPAM plugin's, the agent's, or a tombstone.
namespace bulkhead::cni {

struct Deadlines {
  // ADD: until the agent has said that every worker knows the endpoint; an agent that is being
  // restarted is waited for within it.
  std::chrono::milliseconds attach{10000};
  // What is added to it for the agent's answer: its own deadline is the shorter one, so that it is
  // the one to undo and to say why.
  std::chrono::milliseconds answer{2000};
  // DEL and CHECK: a pod's end waits for nobody.
  std::chrono::milliseconds other{5000};
};

struct Answer {
  std::string output;  // JSON, or empty
  std::string notes;   // for people, on standard error; may be empty
  int exit_code = 0;
};

[[nodiscard]] Answer run(const Environment& environment, std::string_view input,
                         const Deadlines& deadlines = {});

}  // namespace bulkhead::cni
