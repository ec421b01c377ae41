// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/questions.h"

#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "bench/micro/policy/memory_figures.h"
#include "policy/question/diff.h"
#include "policy/question/explain.h"
#include "policy/question/lint.h"
#include "policy/question/prove.h"

namespace bulkhead::bench {
namespace {

template <class T>
const T& value_or_exit(const Result<T>& result, const char* what) {
  if (result) return *result;
  fmt::print(stderr, "{}: {}\n", what, result.error().text());
  std::exit(1);
}

// The first NetworkPolicy with a rule, which now also lets in a port that nobody names.
model::Cluster with_a_port_more(model::Cluster cluster) {
  for (const auto& [id, policy] : cluster.policies) {
    auto changed = std::make_shared<model::Policy>(*policy);
    auto& rules = changed->rules[static_cast<std::size_t>(Direction::Ingress)];
    if (rules.empty() || rules.front().ports.empty()) continue;
    rules.front().ports.push_back({kTcp, model::PortRange{22, 22}});
    cluster.policies.insert_or_assign(id, std::move(changed));
    break;
  }
  return cluster;
}

}  // namespace

void print_questions(const std::string& name, model::Cluster cluster) {
  cluster.settings.default_verdict = Verdict::Allow;  // what the commands take without --default
  double start = seconds();
  const auto findings = question::lint(cluster);
  fmt::print("{} lint_s={:.2f} findings={}\n", name, seconds() - start, findings.size());

  const std::string from = cluster.pods.begin()->first.text();
  const std::string to = std::next(cluster.pods.begin())->first.text();
  start = seconds();
  const auto explanation = question::explain(cluster, {from, to, {kTcp, 80}, {}});
  fmt::print("{} explain_s={:.2f} nearest={}\n", name, seconds() - start,
             value_or_exit(explanation, "explain").nearest.size());

  const auto after = with_a_port_more(cluster);
  start = seconds();
  const auto diff = question::diff(cluster, after);
  fmt::print("{} diff_s={:.2f} pairs={}\n", name, seconds() - start,
             value_or_exit(diff, "diff").pairs.size());

  const auto read = question::read_assertions(
      "bench",
      "{apiVersion: bulkhead.io/v1alpha1, kind: Assertions, metadata: {name: bench},"
      " spec: {assertions: [{name: nobody opens telnet to the back,"
      " never: {to: {pods: {tier: back}}, ports: [TCP/23]}}]}}");
  start = seconds();
  const auto proofs = question::prove(cluster, read.assertions);
  const auto& proof = value_or_exit(proofs, "assert").at(0);
  fmt::print("{} assert_s={:.2f} pairs={} {}\n", name, seconds() - start, proof.pairs,
             name_of(proof.outcome));
}

}  // namespace bulkhead::bench
