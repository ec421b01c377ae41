// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "policy/base/result.h"
#include "policy/compile/compile.h"
#include "policy/model/cluster.h"
#include "policy/oracle/oracle.h"
#include "policy/question/end.h"
#include "policy/question/probe.h"
#include "policy/table/view.h"

namespace bulkhead::question {

// What a connection meets: the egress policy of a source pod and the ingress policy of a
// destination pod. An end outside has no policy of its own: no answer there.
struct Judgement {
  std::optional<oracle::Answer> egress;
  std::optional<oracle::Answer> ingress;

  // Allowed when each end that has a policy allows; never when none of both is a pod.
  [[nodiscard]] Verdict verdict() const;
  friend bool operator==(const Judgement&, const Judgement&) = default;
};

// Answers from a compiled table: what is, or would be, enforced. Immutable; any thread.
class TableJudge {
 public:
  // Compiles the cluster, for `subjects` alone where they are given: of other pods' own policies it
  // knows nothing then. The cluster is borrowed and must outlive the judge.
  [[nodiscard]] static Result<TableJudge> compile(const model::Cluster& cluster,
                                                  const compile::LocalPods& subjects = {});
  // Answers from a table that was compiled from `cluster` before, such as the one in force.
  [[nodiscard]] static Result<TableJudge> open(const model::Cluster& cluster,
                                               std::shared_ptr<const compile::CompiledTable> table);

  [[nodiscard]] Judgement judge(const End& from, const End& to, const Probe& probe) const;

 private:
  TableJudge(const model::Cluster& cluster, std::shared_ptr<const compile::CompiledTable> compiled,
             table::TableView view);
  [[nodiscard]] IdentityId identity_of(const End& end) const;
  [[nodiscard]] oracle::Answer ask(Direction direction, const End& subject, const End& peer,
                                   const Probe& probe) const;
  [[nodiscard]] std::string rule_of(CounterSlot slot) const;

  const model::Cluster* cluster_;
  std::shared_ptr<const compile::CompiledTable> compiled_;
  table::TableView view_;
  std::unordered_map<IpAddress, IdentityId> identities_;
  std::unordered_map<std::uint32_t, std::string> rules_;  // by counter slot
};

// Answers from the policy text by the oracle: the second reader.
class OracleJudge {
 public:
  explicit OracleJudge(const model::Cluster& cluster) : cluster_(&cluster) {}
  [[nodiscard]] Judgement judge(const End& from, const End& to, const Probe& probe) const;

 private:
  const model::Cluster* cluster_;
};

// The tier that a rule id belongs to.
[[nodiscard]] model::Tier tier_of(const model::Cluster& cluster, const std::string& rule);

// The rule of the policies that has this id; null for the implicit ones.
[[nodiscard]] const model::Rule* find_rule(const model::Cluster& cluster, const std::string& rule);

}  // namespace bulkhead::question
