// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <set>

#include "policy/parse/parse.h"
#include "policy/parse/view.h"
#include "policy/parse/yaml.h"
#include "policy/question/matrix.h"
#include "tests/property/policy/node_text.h"

namespace bulkhead {
namespace {

using parse::Node;
using testing::Place;

// Two namespaces of two pods, and somebody outside.
constexpr std::string_view kInventory = R"(
{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {ns: x}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: y, labels: {ns: y}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}},
 spec: {containers: [{name: c, ports: [{name: web, containerPort: 80}]}]},
 status: {podIPs: [{ip: 10.0.0.1}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {pod: b}},
 status: {podIPs: [{ip: 10.0.0.2}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: y, labels: {pod: a}},
 spec: {containers: [{name: c, ports: [{name: web, containerPort: 81}]}]},
 status: {podIPs: [{ip: 10.0.1.1}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: y, labels: {pod: b}},
 status: {podIPs: [{ip: 10.0.1.2}]}}
)";

// Policies that close more than they open, so that whatever opens shows.
constexpr std::string_view kPolicies[] = {
    R"({apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: x},
 spec: {podSelector: {matchLabels: {pod: a}}, policyTypes: [Ingress, Egress],
  ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: b}}},
                    {podSelector: {matchExpressions: [{key: pod, operator: In, values: [c]}]}}],
             ports: [{protocol: TCP, port: 79, endPort: 80}, {protocol: UDP, port: web}]}],
  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.1.0/24]}}],
            ports: [{protocol: SCTP, port: 9}]}]}})",
    R"({apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: x},
 spec: {podSelector: {}, egress: [{to: [{podSelector: {matchLabels: {pod: c}}}]}]}})",
    R"({apiVersion: bulkhead.io/v1alpha1, kind: Segment, metadata: {name: p, namespace: x},
 spec: {ingress: [{from: [{namespace: y, pods: {pod: b}}, {cidr: 10.0.1.0/24, except: [10.0.1.2/32]}],
                   ports: [TCP/80]}],
  egress: [{to: [{namespace: {ns: y}}, {pods: {pod: c}}], ports: [UDP/53-54]}], within: false,
  dns: false}})",
    R"({apiVersion: policy.networking.k8s.io/v1alpha2, kind: ClusterNetworkPolicy,
 metadata: {name: p},
 spec: {tier: Admin, priority: 10,
  subject: {pods: {namespaceSelector: {matchLabels: {ns: x}}, podSelector: {matchLabels: {pod: a}}}},
  ingress: [{name: one, action: Accept, from: [{namespaces: {matchLabels: {ns: z}}}],
             protocols: [{tcp: {destinationPort: {number: 80}}}, {destinationNamedPort: web}]},
            {action: Deny, from: [{pods: {namespaceSelector: {}, podSelector: {}}}]}],
  egress: [{action: Accept, to: [{networks: [10.0.1.0/24]}],
            protocols: [{udp: {destinationPort: {range: {start: 80, end: 81}}}}]},
           {action: Deny, to: [{networks: [0.0.0.0/0]}, {namespaces: {}}]}]}})",
    R"({apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: p},
 spec: {priority: 10, subject: {namespaces: {matchLabels: {ns: x}}},
  ingress: [{action: Allow, from: [{namespaces: {matchLabels: {ns: z}}}],
             ports: [{portNumber: {protocol: TCP, port: 80}},
                     {portRange: {protocol: UDP, start: 80, end: 81}}]},
            {action: Deny, from: [{namespaces: {}}]}],
  egress: [{action: Deny, to: [{networks: [0.0.0.0/0]}]}]}})"};

// What Kubernetes itself says an empty field means. Nothing else may open anything.
struct Documented {
  std::string_view field;  // the end of its name
  std::string_view words;  // types.go
};
constexpr Documented kDocumented[] = {
    {".from", "If this field is empty or missing, this rule matches all sources"},
    {".to", "If this field is empty or missing, this rule matches all destinations"},
    {".ports", "If this field is empty or missing, this rule matches all ports"},
    {".ports[]", "If port is not provided, this matches all port names and numbers"},
    {".except", "an absent list of exceptions excepts nothing"},
    {".policyTypes", "If this field is not specified, it will default based on the rules"},
    {".egress", "Egress is in the default policyTypes only if there are egress rules"},
    {".ingress[]", "an empty rule matches all sources and all ports"},
    {".egress[]", "an empty rule matches all destinations and all ports"},
    {".ingress", "policies with no ingress rules do not affect ingress traffic; [{}] allows all"},
    {"spec",
     "an empty podSelector selects every pod, and Egress is not in the default policyTypes"},
    {"elector", "An empty label selector matches all objects"},
    {".matchLabels", "An empty label selector matches all objects"},
    {".matchExpressions", "An empty label selector matches all objects"},
    {".namespaces", "An empty label selector matches all objects"},
    {".pods", "An empty label selector matches all objects"},
    {".namespace", "An empty label selector matches all objects"},
};

Node tree_of(std::string_view text) {
  Node root;
  EXPECT_TRUE(parse::read_documents(text, {}, [&](const Node& node) { root = node; }));
  return root;
}

std::optional<question::Matrix> matrix_of(std::string_view policy, model::Cluster& cluster) {
  auto objects = parse::parse_file_text("inventory.yaml", kInventory).objects;
  const auto parsed = parse::parse_file_text("policy.yaml", policy);
  if (parsed.is_broken()) {
    EXPECT_TRUE(parsed.objects.is_empty());
    return {};
  }
  objects.append(parsed.objects);
  cluster = parse::build_cluster(objects, {}).value();
  return question::oracle_matrix(
      cluster, {{{kTcp, 80}, {kTcp, 81}, {kUdp, 80}, {kUdp, 53}, {kSctp, 9}, {kIcmp, 0}},
                Family::V4,
                {*Prefix::make(IpAddress::v4(203, 0, 113, 0), 24)}});
}

// The first connection that was closed and is open now.
std::string first_opened(const question::Matrix& before, const question::Matrix& after) {
  for (std::size_t i = 0; i < before.cells.size(); ++i) {
    const auto& cell = before.cells[i];
    if (cell.judgement.verdict() == Verdict::Deny &&
        after.cells[i].judgement.verdict() == Verdict::Allow) {
      return fmt::format("{} -> {} {}", before.ends[cell.from].name, before.ends[cell.to].name,
                         before.probes[cell.probe].text());
    }
  }
  return {};
}

// What labels, names and places of pods are called is free text: another one is another policy.
bool is_free_text(std::string_view name) {
  for (const std::string_view part : {".matchLabels.", ".values", ".key", ".pods.pod", ".pods.ns",
                                      ".namespace.ns", "metadata.name", ".name"}) {
    if (name.find(part) != name.npos) return true;
  }
  return false;
}

// Another value that is as good as the one written: other labels, or the other boolean.
bool is_other_value(const Node& written, std::string_view name, const Node& value) {
  if (value.is_scalar() && is_free_text(name)) return true;
  if (value.is_map() && !value.keys.empty()) {
    return name.ends_with(".matchLabels") || name.ends_with(".pods") ||
           name.ends_with(".namespace");
  }
  return value.is_scalar() && value.scalar == "true" && written.scalar == "false";
}

const Documented* documentation_of(std::string_view name) {
  const auto* found = std::ranges::find_if(
      kDocumented, [&](const Documented& one) { return name.ends_with(one.field); });
  return found != std::end(kDocumented) ? found : nullptr;
}

struct Change {
  std::string text;  // the whole policy, changed
  std::string name;  // of the field
  std::string what;
  bool is_empty = false;  // the field is empty now, not invalid
};

std::vector<Change> changes_of(const Node& root) {
  std::vector<Change> changes;
  for (const Place& place : testing::places_of(root)) {
    const std::string name = testing::name_of(root, place);
    if (!name.starts_with("spec") && name != "metadata.namespace") continue;
    for (const std::string_view value : {"null", "''", "[]", "{}", "0", "-1", "true", "NoSuchThing",
                                         "[null]", "[{}]", "{no: such}"}) {
      const Node node = tree_of(fmt::format("v: {}", value)).items.at(0);
      if (is_other_value(testing::value_at(root, place), name, node)) continue;
      changes.push_back({testing::node_text(testing::replaced(root, place, node)), name,
                         std::string(value), value == "[]" || value == "{}" || value == "[{}]"});
    }
    if (testing::has_key(root, place) && !is_free_text(name)) {
      changes.push_back({testing::node_text(testing::misspelt(root, place)), name, "misspelt"});
    }
  }
  return changes;
}

class Fields : public ::testing::TestWithParam<std::string_view> {};

TEST_P(Fields, OpenNothingWhenEmptyOrInvalid) {
  const Node root = tree_of(GetParam());
  model::Cluster written;
  const auto before = matrix_of(GetParam(), written);
  ASSERT_TRUE(before.has_value());
  int refused = 0;
  int closed = 0;
  std::set<std::string> documented;
  for (const auto& change : changes_of(root)) {
    SCOPED_TRACE(change.name + ": " + change.what);
    model::Cluster cluster;
    const auto after = matrix_of(change.text, cluster);
    if (!after) {
      ++refused;
      continue;
    }
    const auto opened = first_opened(*before, *after);
    if (opened.empty()) {
      ++closed;
      continue;
    }
    const auto* words = documentation_of(change.name);
    EXPECT_TRUE(change.is_empty && words != nullptr) << "opens " << opened << "\n" << change.text;
    if (words != nullptr) documented.insert(change.name + ": " + std::string(words->words));
  }
  std::cout << refused << " refused, " << closed << " open nothing, and as documented:\n";
  for (const auto& line : documented) std::cout << "  " << line << '\n';
  EXPECT_GT(refused, 80);
}

INSTANTIATE_TEST_SUITE_P(Policies, Fields, ::testing::ValuesIn(kPolicies),
                         [](const auto& info) { return "Policy" + std::to_string(info.index); });

}  // namespace
}  // namespace bulkhead
