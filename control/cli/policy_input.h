// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/cli/arguments.h"
#include "control/cli/output.h"
#include "policy/model/cluster.h"
#include "policy/parse/parse.h"

namespace bulkhead::control::cli {

// Plain Kubernetes, unless --config or --default say otherwise.
[[nodiscard]] Result<model::Settings> settings_of(const PolicyInput& input);

// Fails when a path does not exist or no path holds a policy file: a mistyped path must not read as
// "valid". What is wrong inside files is in the answer.
[[nodiscard]] Result<parse::Parsed> read_files(const PolicyInput& input);

// Skipped kinds and accepted sloppiness, on `err`: "note: web.yaml:1:1: ...".
void print_remarks(const parse::Parsed& parsed, const Output& output);

// The files, when all of them are good; nothing after every error has been printed.
[[nodiscard]] std::optional<parse::Parsed> read_good_files(const PolicyInput& input,
                                                           const Output& output);
// Good files put together, under the settings; nothing after the error has been printed.
[[nodiscard]] std::optional<model::Cluster> build(const parse::Parsed& parsed,
                                                  const PolicyInput& input, const Output& output);

// Both: for questions that need good files: the cluster, or nothing after every error has been
// printed.
[[nodiscard]] std::optional<model::Cluster> read_cluster(const PolicyInput& input,
                                                         const Output& output);

}  // namespace bulkhead::control::cli
