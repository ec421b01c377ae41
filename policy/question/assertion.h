// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/result.h"
#include "policy/model/cluster.h"
#include "policy/question/reach.h"

namespace bulkhead::question {

// One side of an assertion. Absent parts do not narrow; an end that is empty is everybody, in and
// out of the cluster.
struct AssertedEnd {
  std::optional<model::LabelSelector> namespaces;  // `namespace: NAME` or labels
  std::optional<model::LabelSelector> pods;
  std::optional<Prefix> cidr;  // addresses, pods' as well
  bool is_world = false;       // every address that no pod owns

  [[nodiscard]] bool is_everybody() const { return !namespaces && !pods && !cidr && !is_world; }
};

// What must hold, whatever the policies say:
//   never   no connection from `from` to `to` on `ports`
//   only    nobody but `from` can connect to `to` on `ports`
//   always  each of `from` can connect to each of `to` on all of `ports`
struct Assertion {
  enum class Kind : std::uint8_t { Never, Only, Always };
  Kind kind = Kind::Never;
  std::string name;
  AssertedEnd from;
  AssertedEnd to;
  std::vector<PortSpan> ports;  // empty: every protocol and port
  model::Origin origin;
};

struct ReadAssertions {
  std::vector<Assertion> assertions;
  std::vector<Error> errors;  // as file:line:col; then `assertions` must not be used
};

// bulkhead.io/v1alpha1 Assertions, strict:
//   metadata: {name: invariants}
//   spec:
//     assertions:
//     - name: the database answers the web shop only
//       only: {from: {namespace: frontend, pods: {app: web}}, to: {namespace: backend},
//              ports: [TCP/3306]}
[[nodiscard]] ReadAssertions read_assertions(std::string_view file_name, std::string_view text);

}  // namespace bulkhead::question
