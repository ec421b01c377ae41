// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "bench/micro/policy/cluster.h"

namespace bulkhead::bench {

// --rules, --pods, --namespaces, --local, --seed: what the cluster is like, with the defaults of
// Shape. Returns --rules, to ask whether it was given.
CLI::Option* add_shape_options(CLI::App& app, Shape& shape);

}  // namespace bulkhead::bench
