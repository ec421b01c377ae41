// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "policy/parse/view.h"
#include "tests/unit/policy/parse/builders.h"

namespace bulkhead::parse {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string object(std::string_view api_version, std::string_view kind,
                   std::string_view rest = "metadata: {name: a, namespace: n}\n") {
  return fmt::format("apiVersion: {}\nkind: {}\n{}", api_version, kind, rest);
}

TEST(Kinds, SkipsWhatIsNoPolicyWithANote) {
  for (const auto& text : {object("v1", "ConfigMap"), object("apps/v1", "ControllerRevision"),
                           object("networking.k8s.io/v1", "Ingress"),
                           object("gateway.networking.k8s.io/v1", "Gateway")}) {
    const auto file = read(text);
    EXPECT_FALSE(file.is_broken()) << text;
    EXPECT_EQ(file.notes.size(), 1u) << text;
    EXPECT_TRUE(file.objects.is_empty());
  }
}

TEST(Kinds, RefusesUnknownKindsOfPolicyGroups) {
  for (const auto& text : {
           object("networking.k8s.io/v1", "NetworkPolcy"),
           object("networking.k8s.io/v2", "NetworkPolicy"),
           object("extensions/v1beta1", "NetworkPolicy"),
           object("cilium.io/v2", "CiliumNetworkPolicy"),
           object("crd.projectcalico.org/v1", "GlobalNetworkPolicy"),
           object("projectcalico.org/v3", "IPPool"),
           object("crd.antrea.io/v1beta1", "ClusterGroup"),
           object("bulkhead.io/v1", "Segment"),
           object("bulkhead.io/v1alpha1", "Segmnt"),
           object("v1", "NetworkPolicy"),
           object("v1", "Namespce"),
           object("v2", "Pod"),
           object("other.io/v1", "Segment"),
       }) {
    EXPECT_TRUE(read(text).is_broken()) << text;
  }
  EXPECT_THAT(only_error(object("policy.networking.k8s.io/v1alpha2", "AdminNetworkPolicy")),
              HasSubstr("write apiVersion \"policy.networking.k8s.io/v1alpha1\""));
  EXPECT_THAT(only_error(object("policy.networking.k8s.io/v1alpha1", "ClusterNetworkPolicy")),
              HasSubstr("write apiVersion \"policy.networking.k8s.io/v1alpha2\""));
  EXPECT_THAT(only_error(object("policy.networking.k8s.io/v1alpha2", "ClusterPolicy")),
              HasSubstr("known are ClusterNetworkPolicy"));
}

TEST(Kinds, RefusesDocumentsThatAreNoObjects) {
  for (const char* text : {"just text\n", "- a\n", "kind: Pod\n", "apiVersion: v1\n", "{}\n"}) {
    EXPECT_TRUE(read(text).is_broken()) << text;
  }
  EXPECT_FALSE(read("").is_broken());
  EXPECT_FALSE(read("# nothing\n---\n---\n").is_broken());
}

TEST(Kinds, ReadsLists) {
  const auto file = read(
      "apiVersion: v1\nkind: List\nitems:\n"
      "- {apiVersion: v1, kind: Pod, metadata: {name: p}}\n"
      "- {apiVersion: v1, kind: Namespace, metadata: {name: n}}\n"
      "---\n"
      "{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicyList\", \"items\": [\n"
      "  {\"metadata\": {\"name\": \"a\"}, \"spec\": {\"podSelector\": {}}}]}\n");
  ASSERT_FALSE(file.is_broken()) << file.errors[0].text();
  EXPECT_EQ(file.objects.pods.size(), 1u);
  EXPECT_EQ(file.objects.namespaces.size(), 1u);
  EXPECT_EQ(file.objects.policies.at(0)->id(), "NetworkPolicy/default/a");
  EXPECT_TRUE(read("apiVersion: v1\nkind: List\nitems: [x]\n").is_broken());
  EXPECT_TRUE(read("apiVersion: v1\nkind: List\nitem: []\n").is_broken());
}

TEST(Scope, OfABrokenFileIsTheNamespacesOfItsBrokenObjects) {
  const auto file =
      read(network_policy("  podSelektor: {}\n") + "---\n" + object("v1", "ConfigMap"));
  EXPECT_THAT(file.named_namespaces, ElementsAre("db"));
  EXPECT_TRUE(file.is_scope_known);
  EXPECT_TRUE(file.objects.is_empty());
}

TEST(Scope, IsUnknownWhenABrokenObjectDoesNotSay) {
  EXPECT_FALSE(read(object("networking.k8s.io/v1", "NetworkPolicy",
                           "metadata: {name: a, namespce: n}\nspec: {}\n"))
                   .is_scope_known);
  EXPECT_FALSE(read(object("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy",
                           "metadata: {name: a}\n"))
                   .is_scope_known);
  const auto plain = read(object("networking.k8s.io/v1", "NetworkPolicy", "metadata: {name: a}\n"));
  EXPECT_TRUE(plain.is_scope_known);
  EXPECT_THAT(plain.named_namespaces, ElementsAre("default"));
}

TEST(Scope, OfATextThatIsNoYamlIsWhatItNames) {
  const auto file = read("metadata: {name: a, namespace: \"db\"\nspec: ][\n");
  ASSERT_TRUE(file.is_broken());
  EXPECT_THAT(file.named_namespaces, ElementsAre("db"));
  EXPECT_TRUE(file.is_scope_known);
  const auto nothing = read("][");
  EXPECT_TRUE(nothing.named_namespaces.empty());
  EXPECT_FALSE(nothing.is_scope_known);
}

TEST(Scope, OfAGoodFileIsEmpty) {
  const auto file = read(network_policy("  podSelector: {}\n"));
  EXPECT_TRUE(file.named_namespaces.empty());
  EXPECT_TRUE(file.is_scope_known);
}

TEST(Limits, BoundFileSizeAndErrors) {
  Limits limits;
  limits.file_bytes = 10;
  EXPECT_FALSE(parse_file_text("f", "# 3456789\n", limits).is_broken());
  EXPECT_TRUE(parse_file_text("f", "# 34567890\n", limits).is_broken());
  limits = {};
  limits.errors = 3;
  std::string text;
  for (int i = 0; i < 50; ++i) text += "---\nx: y\n";
  EXPECT_EQ(parse_file_text("f", text, limits).errors.size(), 4u);
}

TEST(Messages, ShowNoControlCharacters) {
  EXPECT_THAT(only_error(network_policy("  \"\\e[31m\": 1\n")), HasSubstr("\\x1b[31m"));
}

TEST(Messages, ShowKeysOfTheFilePrintable) {
  const auto text = network_policy("  podSelector: {matchLabels: {\"a\\u0301pp\\e\": }}\n");
  EXPECT_THAT(only_error(text), HasSubstr("spec.podSelector.matchLabels.a\\xcc\\x81pp\\x1b: "));
}

TEST(Messages, StandInTheOrderOfTheText) {
  const auto file = read(network_policy(R"(  egress: 1
  ingress:
  - from: [{namespace: x}]
    ports: 80
  podSelector: 2
)"));
  std::vector<std::string> places;
  for (const auto& error : file.errors) places.push_back(error.where);
  EXPECT_THAT(places, ElementsAre("f.yaml:5:11", "f.yaml:7:13", "f.yaml:8:12", "f.yaml:9:16"));
}

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "a-parse-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  std::filesystem::path folder_;
};

TEST_F(Files, AreFoundBelowFoldersWithoutDotsAndTildes) {
  const std::string text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n";
  for (const char* name : {"a.yaml", "sub/b.yml", "sub/c.json", ".d.yaml", "e.yaml~", "f.txt",
                           ".git/g.yaml", "..data/h.yaml"}) {
    write(name, text);
  }
  std::filesystem::create_symlink(folder_ / "..data/h.yaml", folder_ / "h.yaml");
  std::filesystem::create_directory_symlink(folder_, folder_ / "loop");
  const auto files = policy_files(folder_).value();
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.lexically_relative(folder_).string());
  EXPECT_THAT(names, ElementsAre("a.yaml", "h.yaml", "sub/b.yml", "sub/c.json"));
}

TEST_F(Files, ThatCannotBeReadAreBrokenWithUnknownScope) {
  const auto parsed = parse_paths({(folder_ / "missing.yaml").string()});
  ASSERT_TRUE(parsed.is_broken());
  EXPECT_THAT(parsed.errors()[0].text(), HasSubstr("missing.yaml: cannot open: No such file"));
  EXPECT_FALSE(parsed.files[0].is_scope_known);
}

TEST_F(Files, KeepTheGoodOnesWhenOneIsBroken) {
  write("bad.yaml", network_policy("  x: y\n"));
  write("good.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
  const auto parsed = parse_paths({folder_.string()});
  EXPECT_TRUE(parsed.is_broken());
  EXPECT_EQ(parsed.objects().namespaces.size(), 1u);
  EXPECT_TRUE(parsed.objects().policies.empty());
}

TEST(View, AddsUndeclaredNamespacesAndServiceAccounts) {
  const auto parsed = parse_text("f.yaml",
                                 "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\n"
                                 "spec: {serviceAccountName: robot}\n---\n" +
                                     network_policy("  podSelector: {}\n"));
  const auto cluster = build_cluster(parsed.objects(), {}).value();
  EXPECT_EQ(cluster.namespaces.at("n")->labels.at(model::kNamespaceNameLabel), "n");
  EXPECT_TRUE(cluster.namespaces.contains("db"));
  EXPECT_EQ(cluster.pods.at({"n", "p"})->labels.at(model::kServiceAccountLabel), "robot");
  EXPECT_TRUE(cluster.policies.contains("NetworkPolicy/db/web"));
}

TEST(View, RefusesWhatIsWrittenTwiceNamingBothPlaces) {
  const std::string one = network_policy("  podSelector: {}\n");
  auto objects = parse_text("a.yaml", one).objects();
  objects.append(parse_text("b.yaml", one).objects());
  const auto cluster = build_cluster(objects, {});
  ASSERT_FALSE(cluster.has_value());
  EXPECT_EQ(cluster.error().text(),
            "b.yaml:1:1: NetworkPolicy/db/web is already written at a.yaml:1:1; keep one");
}

TEST(View, RefusesTwoLivePodsWithOneAddress) {
  const auto pod = [](std::string_view name, std::string_view phase) {
    return fmt::format(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {}}}\n"
        "status: {{podIP: 'fd00::1', phase: {}}}\n---\n",
        name, phase);
  };
  const auto build = [](const std::string& text) {
    return build_cluster(parse_text("f.yaml", text).objects(), {});
  };
  const auto clash = build(pod("a", "Running") + pod("b", "Running"));
  ASSERT_FALSE(clash.has_value());
  EXPECT_THAT(clash.error().text(), HasSubstr("pod default/b claims the address fd00::1"));
  EXPECT_TRUE(build(pod("a", "Failed") + pod("b", "Running")).has_value());
}

}  // namespace
}  // namespace bulkhead::parse
