// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/container/flat_map.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead::model {

// A label map is small and read far more often than written: a sorted vector.
using Labels = boost::container::flat_map<std::string, std::string>;

inline constexpr const char* kNamespaceNameLabel = "kubernetes.io/metadata.name";
inline constexpr const char* kServiceAccountLabel = "bulkhead.io/serviceaccount";

// metav1.LabelSelector: the AND of both lists; empty matches every object. Data only: the oracle
// and the compiler each have their own matcher (law 4).
struct LabelSelector {
  enum class Operator : std::uint8_t { In, NotIn, Exists, DoesNotExist };
  struct Requirement {
    std::string key;
    Operator op = Operator::In;
    std::vector<std::string> values;  // non-empty for In and NotIn, empty for the others
    friend bool operator==(const Requirement&, const Requirement&) = default;
  };

  Labels match_labels;
  std::vector<Requirement> match_expressions;

  friend bool operator==(const LabelSelector&, const LabelSelector&) = default;
};

}  // namespace bulkhead::model
