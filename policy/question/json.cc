// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "policy/question/explain.h"
#include "policy/question/matrix.h"

namespace bulkhead::question {
namespace {

using Json = nlohmann::ordered_json;

std::string rule_of(const std::optional<oracle::Answer>& answer) {
  return answer ? answer->rule : std::string();
}

Json side(const std::optional<oracle::Answer>& answer, const RulePlace& place) {
  return {{"verdict", answer ? name_of(answer->verdict) : "allow"},
          {"tier", answer ? name_of(answer->tier) : "none"},
          {"rule", rule_of(answer)},
          {"name", place.name},
          {"where", place.where}};
}

// Names come from files: what is not UTF-8 is replaced rather than thrown about.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string to_json(const Matrix& matrix) {
  Json pods = Json::array();
  for (const auto& end : matrix.ends) pods.push_back({{"name", end.name}, {"kind", end.kind}});
  Json probes = Json::array();
  for (const auto& probe : matrix.probes) {
    probes.push_back({{"protocol", protocol_name(probe.protocol)}, {"port", probe.port}});
  }
  Json cells = Json::array();
  for (const auto& cell : matrix.cells) {
    const auto& probe = matrix.probes[cell.probe];
    cells.push_back({{"from", matrix.ends[cell.from].name},
                     {"to", matrix.ends[cell.to].name},
                     {"protocol", protocol_name(probe.protocol)},
                     {"port", probe.port},
                     {"verdict", name_of(cell.judgement.verdict())},
                     {"egress", rule_of(cell.judgement.egress)},
                     {"ingress", rule_of(cell.judgement.ingress)}});
  }
  return dump(
      {{"pods", std::move(pods)}, {"probes", std::move(probes)}, {"cells", std::move(cells)}});
}

std::string to_json(const Explanation& explanation) {
  Json nearest = Json::array();
  for (const auto& near : explanation.nearest) {
    nearest.push_back(
        {{"rule", near.rule}, {"name", near.name}, {"where", near.where}, {"why", near.why}});
  }
  return dump({{"verdict", name_of(explanation.verdict())},
               {"egress", side(explanation.judgement.egress, explanation.egress)},
               {"ingress", side(explanation.judgement.ingress, explanation.ingress)},
               {"path", explanation.path},
               {"nearest", std::move(nearest)}});
}

}  // namespace bulkhead::question
