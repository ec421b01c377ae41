// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/options.h"

namespace bulkhead::bench {

CLI::Option* add_shape_options(CLI::App& app, Shape& shape) {
  app.add_option("--pods", shape.pods, "Pods of the cluster")->capture_default_str();
  app.add_option("--namespaces", shape.namespaces, "Namespaces of the cluster")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--local", shape.local_pods, "Pods of this node")->capture_default_str();
  app.add_option("--seed", shape.seed, "Which of the clusters of that shape")
      ->capture_default_str();
  return app.add_option("--rules", shape.rules, "Rules of NetworkPolicies")->capture_default_str();
}

}  // namespace bulkhead::bench
