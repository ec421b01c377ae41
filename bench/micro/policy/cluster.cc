// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/cluster.h"

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>

namespace bulkhead::bench {
namespace {

constexpr std::size_t kPodsPerWorkload = 3;
constexpr std::size_t kRulesPerPolicy = 2;

class Maker {
 public:
  explicit Maker(const Shape& shape) : shape_(shape), random_(shape.seed) {}

  model::Cluster cluster() {
    cluster_.settings.default_verdict = Verdict::Deny;
    cluster_.settings.pod_cidrs = {*Prefix::make(IpAddress::v4(10, 0, 0, 0), 8),
                                   *Prefix::make(v6(0), 64)};
    cluster_.settings.dns_namespace = space(0);
    cluster_.settings.dns_pods.match_labels = {{"app", "app0"}};
    for (std::size_t i = 0; i < shape_.namespaces; ++i) add_namespace(i);
    for (std::size_t i = 0; i < shape_.pods; ++i) add_pod(i);
    for (std::size_t rules = 0, i = 0; rules < shape_.rules; ++i) {
      const std::size_t count = std::min(kRulesPerPolicy, shape_.rules - rules);
      add_policy(i, count);
      rules += count;
    }
    return std::move(cluster_);
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  static std::string space(std::size_t i) { return "ns" + std::to_string(i); }
  static std::string app(std::size_t i) { return "app" + std::to_string(i); }
  [[nodiscard]] std::size_t workloads_per_namespace() const {
    return std::max<std::size_t>(1, shape_.pods / shape_.namespaces / kPodsPerWorkload);
  }
  static IpAddress v6(std::uint32_t number) {
    IpAddress ip{{}, Family::V6};
    ip.bytes[0] = 0xfd;
    for (std::size_t i = 0; i < 4; ++i) {
      ip.bytes[12 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    }
    return ip;
  }

  void add_namespace(std::size_t i) {
    auto made = std::make_shared<model::Namespace>();
    made->name = space(i);
    made->labels = {{model::kNamespaceNameLabel, made->name},
                    {"team", "team" + std::to_string(i % 200)},
                    {"environment", i % 3 == 0 ? "production" : "development"}};
    cluster_.namespaces.emplace(made->name, std::move(made));
  }

  void add_pod(std::size_t i) {
    const std::size_t home = i % shape_.namespaces;
    const std::size_t workload = i / shape_.namespaces % workloads_per_namespace();
    auto made = std::make_shared<model::Pod>();
    made->key = {space(home), app(workload) + "-" + std::to_string(i)};
    made->labels = {{"app", app(workload)},
                    {"tier", workload % 2 == 0 ? "front" : "back"},
                    {"version", "v" + std::to_string(home % 3)}};
    made->service_account = app(workload);
    const auto n = static_cast<std::uint32_t>(i + 2);
    made->ips = {IpAddress::v4(10, static_cast<std::uint8_t>(n >> 16),
                               static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)),
                 v6(n)};
    made->ports = {{"http", kTcp, static_cast<std::uint16_t>(8080 + workload)}};
    cluster_.pods.emplace(made->key, std::move(made));
  }

  model::Peer peer() {
    const std::size_t kind = below(100);
    if (kind < 50) {
      return model::PodPeer{
          std::nullopt, model::LabelSelector{{{"app", app(below(workloads_per_namespace()))}}, {}}};
    }
    if (kind < 85) {
      model::LabelSelector where;
      if (kind < 75) {
        where.match_labels = {{model::kNamespaceNameLabel, space(below(shape_.namespaces))}};
      } else {
        where.match_labels = {{"team", "team" + std::to_string(below(200))}};
      }
      return model::PodPeer{where, model::LabelSelector{{{"tier", "front"}}, {}}};
    }
    if (kind < 86) return model::PodPeer{model::LabelSelector{}, model::LabelSelector{}};
    const auto net = static_cast<std::uint8_t>(below(64));
    const auto host = static_cast<std::uint8_t>(below(256));
    model::CidrPeer cidr{*Prefix::make(IpAddress::v4(192, net, host, 0), 24), {}};
    if (kind < 90) {
      cidr.prefix = *Prefix::make(IpAddress{}, 0);
      cidr.except = {*Prefix::make(IpAddress::v4(192, net, 0, 0), 16)};
    }
    return cidr;
  }

  model::PortMatch port() {
    constexpr std::array<std::uint16_t, 8> kUsual = {80, 443, 3306, 5432, 6379, 8080, 9090, 9100};
    const std::size_t kind = below(100);
    if (kind < 15) return {kTcp, model::NamedPort{"http"}};
    if (kind < 25) return {kUdp, model::PortRange{53, 53}};
    if (kind < 30) return {kTcp, model::PortRange{30000, 32767}};
    const std::uint16_t usual = kUsual[below(kUsual.size())];
    return {kTcp, model::PortRange{usual, usual}};
  }

  void add_policy(std::size_t i, std::size_t rules) {
    auto made = std::make_shared<model::Policy>();
    made->namespace_name = space(i % shape_.namespaces);
    made->name = "policy" + std::to_string(i);
    made->subject_pods.match_labels = {{"app", app(below(workloads_per_namespace()))}};
    const auto direction = below(4) == 0 ? Direction::Egress : Direction::Ingress;
    made->policy_types = {direction};
    for (std::size_t rule = 0; rule < rules; ++rule) {
      model::Rule written;
      written.index = std::to_string(rule);
      for (std::size_t n = 1 + below(2); n > 0; --n) written.peers.push_back(peer());
      for (std::size_t n = 1 + below(3); n > 0; --n) written.ports.push_back(port());
      made->rules[static_cast<std::size_t>(direction)].push_back(std::move(written));
    }
    cluster_.policies.emplace(made->id(), std::move(made));
  }

  const Shape& shape_;
  std::mt19937_64 random_;
  model::Cluster cluster_;
};

}  // namespace

model::Cluster make_cluster(const Shape& shape) { return Maker(shape).cluster(); }

compile::LocalPods local_pods(const model::Cluster& cluster, const Shape& shape) {
  std::set<model::PodKey> keys;
  const std::size_t step = std::max<std::size_t>(1, cluster.pods.size() / shape.local_pods);
  std::size_t i = 0;
  for (const auto& [key, pod] : cluster.pods) {
    if (i++ % step == 0 && keys.size() < shape.local_pods) keys.insert(key);
  }
  return keys;
}

}  // namespace bulkhead::bench
