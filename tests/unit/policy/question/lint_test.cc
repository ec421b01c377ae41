// SPDX-License-Identifier: Apache-2.0
#include "policy/question/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/policy/oracle/builders.h"

namespace bulkhead::question {
namespace {

using oracle::cluster_of;
using oracle::policy;
using oracle::prefix;
using oracle::three_pods;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The ids found with the namespaces closed, so that only what a test writes is found.
std::vector<std::string> ids(const std::string& policies) {
  model::Settings settings;
  settings.default_verdict = Verdict::Deny;
  std::vector<std::string> found;
  for (const auto& finding : lint(cluster_of(three_pods() + policies, settings))) {
    found.push_back(finding.id);
  }
  return found;
}

TEST(Lint, HasStableDistinctIds) {
  std::set<std::string_view> seen;
  for (const auto& rule : lint_rules()) EXPECT_TRUE(seen.insert(rule.id).second) << rule.id;
  EXPECT_EQ(lint_rule("BL002").name, "shadowed-rule");
}

TEST(Lint, IsContentWithAnOrdinaryPolicy) {
  EXPECT_THAT(ids(policy("{ingress: [{from: [{podSelector: {}}], ports: [{port: sql}]}]}")),
              IsEmpty());
}

TEST(Lint, FindsAPolicyThatSelectsNoPod) {
  EXPECT_THAT(ids(policy("{podSelector: {matchLabels: {app: mysql}}}")), Contains("BL001"));
  EXPECT_THAT(ids(policy("{podSelector: {matchLabels: {app: db}}}")), Not(Contains("BL001")));
}

TEST(Lint, FindsARuleThatAnotherAlreadyAllows) {
  const std::string narrow = policy(
      "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
      "{matchLabels: {app: db}}}], ports: [{port: 85}]}]}",
      "narrow");
  EXPECT_THAT(ids(narrow + policy("{ingress: [{from: [{podSelector: {}}], ports: [{port: 80, "
                                  "endPort: 90}]}]}",
                                  "wide")),
              Contains("BL002").Times(1));
  // Another port, another protocol, another family of subjects: each adds something.
  for (const char* other :
       {"{ingress: [{from: [{podSelector: {}}], ports: [{port: 86, endPort: 90}]}]}",
        "{ingress: [{from: [{podSelector: {}}], ports: [{protocol: UDP}]}]}",
        "{podSelector: {matchLabels: {x: y}}, ingress: [{from: [{podSelector: {}}]}]}",
        "{ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}"}) {
    EXPECT_THAT(ids(narrow + policy(other, "wide")), Not(Contains("BL002"))) << other;
  }
}

TEST(Lint, NamesOneOfTwoEqualRules) {
  const std::string rule = "{from: [{podSelector: {}}]}";
  EXPECT_THAT(ids(policy("{ingress: [" + rule + ", " + rule + "]}")), Contains("BL002").Times(1));
}

TEST(Lint, FindsRulesThatAllowEverything) {
  EXPECT_THAT(ids(policy("{ingress: [{}]}")), Contains("BL003"));
  EXPECT_THAT(ids(policy("{ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}, {ipBlock: {cidr: "
                         "'::/0'}}]}]}")),
              Contains("BL003"));
  EXPECT_THAT(ids(policy("{ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}")),
              Not(Contains("BL003")));
  EXPECT_THAT(ids(policy("{ingress: [{ports: [{port: 443}]}]}")), Contains("BL011"));
}

TEST(Lint, FindsClosedEgressWithoutDns) {
  const char* to_web = "{to: [{namespaceSelector: {}}], ports: [{port: 80}]}";
  const char* dns = "{ports: [{protocol: UDP, port: 53}]}";
  const auto egress = [](std::string rules) {
    return "{policyTypes: [Egress], egress: [" + rules + "]}";
  };
  EXPECT_THAT(ids(policy(egress(to_web))), Contains("BL004"));
  EXPECT_THAT(ids(policy(egress(to_web + std::string(", ") + dns))), Not(Contains("BL004")));
  EXPECT_THAT(ids(policy(egress(to_web)) + policy(egress(dns), "dns")), Not(Contains("BL004")));
  EXPECT_THAT(ids(policy("{policyTypes: [Egress]}")), Not(Contains("BL004")));
}

TEST(Lint, FindsANamespaceLeftOpen) {
  const auto found = lint(cluster_of(three_pods() + policy("{}")));
  std::vector<std::string> objects;
  for (const auto& finding : found) {
    if (finding.id == "BL005") objects.push_back(finding.object);
  }
  EXPECT_THAT(objects, testing::ElementsAre("Namespace/web"));
  EXPECT_THAT(ids(""), IsEmpty());
}

TEST(Lint, FindsABlockThatHoldsPods) {
  EXPECT_THAT(ids(policy("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}")),
              Contains("BL006"));
  EXPECT_THAT(ids(policy("{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: "
                         "[10.0.0.0/24]}}]}]}")),
              Not(Contains("BL006")));
}

TEST(Lint, FindsANamedPortThatNoDestinationHas) {
  EXPECT_THAT(ids(policy("{ingress: [{from: [{podSelector: {}}], ports: [{port: mysql}]}]}")),
              Contains("BL007"));
  const auto to = [](std::string app) {
    return policy(
        "{policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}, podSelector: "
        "{matchLabels: {app: " +
        app + "}}}], ports: [{port: sql}]}]}");
  };
  EXPECT_THAT(ids(to("web")), Contains("BL007"));
  EXPECT_THAT(ids(to("db")), Not(Contains("BL007")));
}

TEST(Lint, FindsTheTrapsOfPolicyTypes) {
  EXPECT_THAT(ids(policy("{egress: [{ports: [{protocol: UDP}]}]}")), Contains("BL009"));
  EXPECT_THAT(ids(policy("{policyTypes: [Egress], egress: [{ports: [{protocol: UDP}]}]}")),
              Not(Contains("BL009")));
  EXPECT_THAT(ids(policy("{policyTypes: [Egress], ingress: [{from: [{podSelector: {}}]}]}")),
              Contains("BL010"));
  const auto found = lint_text("f.yaml", policy("{podSelector: {}, egress: []}"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, "BL008");
  EXPECT_EQ(found[0].where.text(), "f.yaml:5:33");
  EXPECT_THAT(lint_text("f.yaml", policy("{policyTypes: [Ingress], egress: []}")), IsEmpty());
}

TEST(Lint, SaysWhereAndHowToMend) {
  const auto found = lint(cluster_of(three_pods() + policy("{ingress: [{}]}")));
  const auto text = to_text(found);
  EXPECT_THAT(text, HasSubstr("warning BL003: NetworkPolicy/db/p/ingress/0: allows every peer"));
  EXPECT_THAT(text, HasSubstr("; name the peers in `from`\n"));
  EXPECT_THAT(text, testing::ContainsRegex("f.yaml:[0-9]+:[0-9]+: warning BL003"));
}

}  // namespace
}  // namespace bulkhead::question
