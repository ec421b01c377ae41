// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/worst_cases.h"

#include <fmt/format.h>
#include <malloc.h>

#include <memory>
#include <string>

#include "bench/micro/policy/cluster.h"
#include "bench/micro/policy/memory_figures.h"
#include "policy/compile/compile.h"

namespace bulkhead::bench {
namespace {

using model::Policy;

constexpr std::size_t kIn = static_cast<std::size_t>(Direction::Ingress);

void print_case(const std::string& what, const model::Cluster& cluster,
                const compile::LocalPods& local) {
  malloc_trim(0);
  const std::uint64_t before = resident_kib();
  compile::Numbers numbers;
  const double start = seconds();
  const auto compiled = compile::compile(cluster, local, Revision{1}, numbers);
  const double ms = (seconds() - start) * 1e3;
  const std::uint64_t peak = peak_resident_kib();
  const std::uint64_t grown = peak > before ? (peak - before) / 1024 : 0;
  if (!compiled) {
    fmt::print("worst {} ms={:.0f} peak_mib<={} refused: {}\n", what, ms, grown,
               compiled.error().text());
    return;
  }
  std::size_t bytes = 0;
  for (const auto& section : compiled->sections) bytes += section.bytes.size();
  fmt::print("worst {} ms={:.0f} peak_mib<={} table_mib={:.1f} identities={}\n", what, ms, grown,
             static_cast<double>(bytes) / (1 << 20), compiled->identity_keys.size());
}

Shape shape_of(std::size_t pods, std::size_t rules) {
  return {.namespaces = 1000, .pods = pods, .rules = rules, .local_pods = 250, .seed = 1};
}

// One of 2^24 neighbouring blocks of 256 addresses, or of single ones.
model::CidrPeer block(std::uint32_t number, unsigned length) {
  const std::uint32_t address = (20u << 24) + (number << (32 - length));
  return {*Prefix::make(IpAddress::v4(static_cast<std::uint8_t>(address >> 24),
                                      static_cast<std::uint8_t>(address >> 16),
                                      static_cast<std::uint8_t>(address >> 8),
                                      static_cast<std::uint8_t>(address)),
                        length),
          {}};
}

// For every pod of the cluster.
std::shared_ptr<Policy> cluster_wide(std::size_t number) {
  auto policy = std::make_shared<Policy>();
  policy->kind = model::PolicyKind::ClusterNetworkPolicy;
  policy->tier = model::Tier::Admin;
  policy->priority = static_cast<std::int32_t>(number % 1001);
  policy->name = "policy" + std::to_string(number);
  return policy;
}

model::Rule& add_rule(Policy& policy) {
  auto& rules = policy.rules[kIn];
  rules.emplace_back().index = std::to_string(rules.size() - 1);
  return rules.back();
}

void add(model::Cluster& cluster, std::shared_ptr<Policy> policy) {
  const std::string id = policy->id();
  cluster.policies[id] = std::move(policy);
}

void print_own_identities() {
  const Shape shape = shape_of(100000, 100000);
  model::Cluster cluster = make_cluster(shape);
  const auto local = local_pods(cluster, shape);
  model::Cluster alone = cluster;
  std::size_t number = 0;
  for (const auto& [key, pod] : cluster.pods) {
    auto copy = std::make_shared<model::Pod>(*pod);
    copy->labels["pod"] = std::to_string(number++);
    alone.pods[key] = std::move(copy);
  }
  print_case("every_pod_its_own_identity pods=100000", alone, local);
}

void print_many_blocks() {
  const Shape shape = shape_of(10000, 10);
  model::Cluster cluster = make_cluster(shape);
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 2622; ++i) {
    auto policy = cluster_wide(i);
    auto& rule = add_rule(*policy);
    for (int peer = 0; peer < 25; ++peer) rule.peers.emplace_back(block(number++, 24));
    add(cluster, std::move(policy));
  }
  print_case("cidr_blocks=65550", cluster, local_pods(cluster, shape));
}

void print_many_exceptions() {
  const Shape shape = shape_of(10000, 10);
  model::Cluster cluster = make_cluster(shape);
  for (std::uint32_t i = 0; i < 60000; ++i) {
    auto policy = cluster_wide(i);
    model::CidrPeer everything{*Prefix::make(IpAddress{}, 0), {block(i, 32).prefix}};
    add_rule(*policy).peers.emplace_back(everything);
    add(cluster, std::move(policy));
  }
  print_case("blocks_of_everything_except_one=60000", cluster, local_pods(cluster, shape));
}

void print_admin_policies() {
  const Shape shape = shape_of(10000, 1000);
  model::Cluster cluster = make_cluster(shape);
  for (std::size_t i = 0; i < 1000; ++i) {
    auto policy = cluster_wide(i);
    for (std::size_t n = 0; n < 25; ++n) {
      auto& rule = add_rule(*policy);
      rule.action = n % 3 == 0 ? model::RuleAction::Pass : model::RuleAction::Accept;
      rule.peers.emplace_back(model::PodPeer{
          model::LabelSelector{{{"team", "team" + std::to_string((i + n) % 200)}}, {}}, {}});
      const auto port = static_cast<std::uint16_t>(i * 25 + n);
      rule.ports.push_back({kTcp, model::PortRange{port, port}});
    }
    add(cluster, std::move(policy));
  }
  print_case("admin_policies=1000 rules_each=25", cluster, local_pods(cluster, shape));
}

void print_port_ranges() {
  const Shape shape = shape_of(10000, 10);
  model::Cluster cluster = make_cluster(shape);
  for (std::size_t i = 0; i < 1000; ++i) {
    auto policy = cluster_wide(i);
    for (std::size_t n = 0; n < 25; ++n) {
      auto& rule = add_rule(*policy);
      rule.action = n % 2 == 0 ? model::RuleAction::Deny : model::RuleAction::Accept;
      const auto first = static_cast<std::uint16_t>((i * 25 + n) % 32768);
      rule.ports.push_back(
          {kTcp, model::PortRange{first, static_cast<std::uint16_t>(first + 32767)}});
    }
    add(cluster, std::move(policy));
  }
  print_case("overlapping_port_ranges=25000", cluster, local_pods(cluster, shape));
}

}  // namespace

void print_worst_cases() {
  print_port_ranges();
  print_admin_policies();
  print_many_blocks();
  print_many_exceptions();
  print_own_identities();
}

}  // namespace bulkhead::bench
