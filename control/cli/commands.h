// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/api/client.h"
#include "control/cli/arguments.h"
#include "control/cli/output.h"

// One function a command. Each writes its answer and says how to end.
namespace bulkhead::control::cli {

// Offline: files only, no agent.
[[nodiscard]] Exit run(const PolicyCheck& command, const Output& output);
[[nodiscard]] Exit run(const PolicyMatrix& command, const Output& output);
[[nodiscard]] Exit run(const PolicyExplain& command, const Output& output);
[[nodiscard]] Exit run(const PolicyCompile& command, const Output& output);
[[nodiscard]] Exit run(const PolicyVerify& command, const Output& output);
[[nodiscard]] Exit run(const PolicyDiff& command, const Output& output);
[[nodiscard]] Exit run(const PolicyLint& command, const Output& output);
[[nodiscard]] Exit run(const PolicyAssert& command, const Output& output);

// Offline with --flows, else by the agent's API.
[[nodiscard]] Exit run(const PolicySuggest& command, const api::Client& agent,
                       const Output& output);

// By the agent's API.
[[nodiscard]] Exit run(const ShowStatus& command, const api::Client& agent, const Output& output);
[[nodiscard]] Exit run(const ShowEndpoints& command, const api::Client& agent,
                       const Output& output);
[[nodiscard]] Exit run(const ShowFlows& command, const api::Client& agent, const Output& output);
[[nodiscard]] Exit run(const QuarantinePod& command, const api::Client& agent,
                       const Output& output);
[[nodiscard]] Exit run(const ReleasePod& command, const api::Client& agent, const Output& output);

// By files, the machine and, where it runs, the agent.
[[nodiscard]] Exit run(const Preflight& command, const api::Client& agent, const Output& output);
[[nodiscard]] Exit run(const ShowReport& command, const api::Client& agent, const Output& output);
[[nodiscard]] Exit run(const SupportBundle& command, const api::Client& agent,
                       const Output& output);

// The whole program.
[[nodiscard]] int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err);

}  // namespace bulkhead::control::cli
