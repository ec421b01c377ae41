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

// A policy of a tier, over the namespace db.
std::string tier_policy(const std::string& tier, int priority, const std::string& rules) {
  return fmt::format(
      "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
      "metadata: {{name: t{1}}}\nspec:\n  tier: {0}\n  priority: {1}\n"
      "  subject: {{namespaces: {{matchLabels: {{kubernetes.io/metadata.name: db}}}}}}\n"
      "  ingress: [{2}]\n",
      tier, priority, rules);
}

TEST(Lint, ReadsTheTiersByPriority) {
  const std::string ssh =
      "{name: ssh, action: Accept, from: [{namespaces: {}}], "
      "protocols: [{tcp: {destinationPort: {number: 22}}}]}";
  const std::string all = "{action: Deny, from: [{namespaces: {}}]}";
  for (const char* tier : {"Admin", "Baseline"}) {
    // Which of the two goes first decides whether the narrow one still says anything.
    const auto shadowed =
        lint(cluster_of(three_pods() + tier_policy(tier, 1, all) + tier_policy(tier, 2, ssh)));
    std::vector<std::string> objects;
    for (const auto& finding : shadowed) {
      if (finding.id == "BL002") objects.push_back(finding.object + " " + finding.rule_name);
    }
    EXPECT_THAT(objects, testing::ElementsAre("ClusterNetworkPolicy/t2/ingress/0 ssh")) << tier;
    EXPECT_THAT(ids(tier_policy(tier, 1, ssh) + tier_policy(tier, 2, all)), Not(Contains("BL002")));
    EXPECT_THAT(ids(tier_policy(tier, 1, ssh + ", " + all)), Not(Contains("BL002")));
    EXPECT_THAT(ids(tier_policy(tier, 1, all + ", " + ssh)), Contains("BL002").Times(1));
  }
  // Tiers do not shadow each other: a Pass, or no match at all, leads on.
  EXPECT_THAT(ids(tier_policy("Admin", 1, all) + tier_policy("Baseline", 2, ssh)),
              Not(Contains("BL002")));
}

TEST(Lint, FindsTiersThatSelectNobodyOrCloseANamespace) {
  std::string nobody = tier_policy("Admin", 1, "{action: Deny, from: [{namespaces: {}}]}");
  nobody.replace(nobody.find("name: db"), 8, "name: xx");
  EXPECT_THAT(ids(nobody), Contains("BL001"));
  const auto open = [](const std::string& policies) {
    std::vector<std::string> objects;
    for (const auto& finding : lint(cluster_of(three_pods() + policies))) {
      if (finding.id == "BL005") objects.push_back(finding.object);
    }
    return objects;
  };
  EXPECT_THAT(open(nobody), Contains("Namespace/db"));
  for (const char* tier : {"Admin", "Baseline"}) {
    EXPECT_THAT(open(tier_policy(tier, 1, "{action: Deny, from: [{namespaces: {}}]}")),
                Not(Contains("Namespace/db")));
    EXPECT_THAT(open(tier_policy(tier, 1, "{action: Accept, from: [{namespaces: {}}]}")),
                Contains("Namespace/db"));
  }
}

TEST(Lint, FindsANamedPortOfATierThatNoPodHas) {
  const auto named = [](const char* port) {
    return tier_policy("Baseline", 1,
                       fmt::format("{{action: Accept, from: [{{namespaces: {{}}}}], protocols: "
                                   "[{{destinationNamedPort: {}}}]}}",
                                   port));
  };
  EXPECT_THAT(ids(named("mysql")), Contains("BL007"));
  EXPECT_THAT(ids(named("sql")), Not(Contains("BL007")));
}

TEST(Lint, FindsABlockThatMeetsTheClustersAddresses) {
  model::Settings settings;
  settings.default_verdict = Verdict::Deny;
  settings.pod_cidrs = {prefix("10.88.0.0/16"), prefix("fd00:88::/64")};
  const auto found = [&](const std::string& block) {
    std::vector<std::string> messages;
    for (const auto& finding : lint(cluster_of(
             three_pods() + policy("{ingress: [{from: [{ipBlock: " + block + "}]}]}"), settings))) {
      if (finding.id == "BL006") messages.push_back(finding.message);
    }
    return messages;
  };
  EXPECT_THAT(found("{cidr: 10.88.7.0/24}"),
              testing::ElementsAre("the block 10.88.7.0/24 also holds pod addresses of "
                                   "10.88.0.0/16"));
  EXPECT_THAT(found("{cidr: 'fd00:88::/32'}"), testing::SizeIs(1));
  EXPECT_THAT(found("{cidr: 192.0.2.0/24}"), IsEmpty());
  EXPECT_THAT(found("{cidr: 10.80.0.0/12, except: [10.88.0.0/16]}"), IsEmpty());
}

TEST(Lint, PointsAtTheRule) {
  const auto found =
      lint(cluster_of("apiVersion: v1\nkind: Namespace\nmetadata: {name: db}\n---\n"
                      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
                      "metadata: {name: p, namespace: db}\nspec:\n"
                      "  ingress:\n  - from: [{podSelector: {}}]\n  - {}\n"));
  ASSERT_FALSE(found.empty());
  for (const auto& finding : found) {
    EXPECT_EQ(finding.where.line, finding.id == "BL003" ? 11u : 10u) << finding.id;
  }
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
