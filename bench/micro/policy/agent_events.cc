// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/policy/agent_events.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "bench/micro/policy/fake_dataplane.h"
#include "bench/micro/policy/memory_figures.h"
#include "control/apply/publisher.h"
#include "control/source/dir_source.h"
#include "control/state/follower.h"
#include "control/state/store.h"

namespace bulkhead::bench {
namespace {

using namespace control;

constexpr std::uint32_t kFirstPort = 64;

source::Change change_of(const std::string& unit, parse::Objects objects) {
  auto content = std::make_shared<source::Content>();
  content->text = unit;
  content->parsed.name = unit;
  content->parsed.objects = std::move(objects);
  return {source::ChangeKind::Present, unit, std::move(content)};
}
source::Change change_of(const model::Pod& pod) {
  return change_of("pod " + pod.key.text(),
                   {{}, {std::make_shared<const model::Pod>(pod)}, {}, {}});
}
source::Change change_of(const model::Policy& policy) {
  return change_of("policy " + policy.id(),
                   {{}, {}, {std::make_shared<const model::Policy>(policy)}, {}});
}

template <class T>
T value_or_exit(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "{}\n", result.error().text());
  std::exit(1);
}

// One object a unit, as a source that lists and watches has it.
class Agent {
 public:
  Agent(const model::Cluster& cluster, const std::set<model::PodKey>& local,
        const std::filesystem::path& folder)
      : publisher_(value_or_exit(apply::NumbersFile::open(folder)),
                   value_or_exit(apply::AddressJournal::open(folder / "addresses")),
                   timed(apply::compile_from_version_to_version()),
                   apply::SecondReader([this](std::chrono::milliseconds budget) {
                     const double end = seconds() + std::chrono::duration<double>(budget).count();
                     verified_at_ = seconds();
                     return [this, end] { return (verified_at_ = seconds()) < end; };
                   })) {
    inputs_.settings = cluster.settings;
    std::vector<source::Change> changes;
    for (const auto& [name, space] : cluster.namespaces) {
      changes.push_back(change_of("namespace " + name, {{space}, {}, {}, {}}));
    }
    for (const auto& [key, pod] : cluster.pods) changes.push_back(change_of(*pod));
    for (const auto& [id, policy] : cluster.policies) changes.push_back(change_of(*policy));
    publisher_.adopt({}, {});
    for (const auto& key : local) attach(*cluster.pods.at(key));
    (void)event(changes);
  }

  void attach(const model::Pod& pod) {
    const PortId port(next_port_++);
    inputs_.attached.insert_or_assign(
        port, std::make_shared<const state::AttachedPod>(
                  state::AttachedPod{pod.key, pod.uid, pod.labels, pod.ips, port}));
    apply::PortWish wish;
    wish.message.port = port.value;
    wish.message.generation = port.value;
    ports_.emplace(port, wish);
  }
  void detach() {
    const PortId port(--next_port_);
    inputs_.attached.erase(port);
    ports_.erase(port);
  }

  EventCost event(const std::vector<source::Change>& changes) {
    compile_seconds_ = 0;
    const double begin = seconds();
    (void)store_.apply(changes);
    inputs_.accepted = store_.accepted();
    const state::Desired& wished = follower_.follow(inputs_);
    const double followed = seconds();
    const auto outcomes =
        publisher_.reconcile(wished, ports_, apply::Publishing::Open, &dataplane_);
    const double end = seconds();
    if (outcomes.refusal) {
      fmt::print(stderr, "{}: {}\n", outcomes.refusal->cause, outcomes.refusal->error.text());
      std::exit(1);
    }
    EventCost cost;
    cost.state = (followed - begin) * 1e6;
    cost.compile = compile_seconds_ * 1e6;
    cost.verify = (std::max(verified_at_, compiled_at_) - compiled_at_) * 1e6;
    cost.publish = (end - followed) * 1e6 - cost.compile - cost.verify;
    return cost;
  }

 private:
  apply::Compile timed(apply::Compile compile) {
    return [this, compile = std::move(compile)](
               const model::Cluster& cluster, const compile::LocalPods& local, Revision revision,
               compile::Numbers& numbers, std::span<const compile::Alias> aliases) {
      const double begin = seconds();
      auto compiled = compile(cluster, local, revision, numbers, aliases);
      compiled_at_ = seconds();
      compile_seconds_ += compiled_at_ - begin;
      return compiled;
    };
  }

  double compile_seconds_ = 0;
  double compiled_at_ = 0;
  double verified_at_ = 0;
  FakeDataplane dataplane_;
  state::Store store_;
  state::Inputs inputs_;
  state::Follower follower_;
  apply::PortWishes ports_;
  std::uint32_t next_port_ = kFirstPort;
  apply::Publisher publisher_;
};

// Another pod like this one, at addresses that nobody has.
model::Pod like(const model::Pod& pod, std::size_t number) {
  model::Pod other = pod;
  other.key.name += fmt::format("-new-{}", number);
  const auto low = static_cast<std::uint8_t>(number);
  const auto high = static_cast<std::uint8_t>(number >> 8);
  other.ips = {IpAddress::v4(10, 255, high, low), pod.ips.back()};
  other.ips.back().bytes[8] = 0xee;
  other.ips.back().bytes[14] = high;
  other.ips.back().bytes[15] = low;
  return other;
}

}  // namespace

std::map<std::string, std::vector<EventCost>> run_agent_events(const Shape& shape,
                                                               std::size_t rounds) {
  std::string folder = (std::filesystem::temp_directory_path() / "bulkhead-bench-XXXXXX").native();
  if (::mkdtemp(folder.data()) == nullptr) std::exit(1);
  const auto cluster = make_cluster(shape);
  const auto local = local_pods(cluster, shape);
  std::map<std::string, std::vector<EventCost>> costs;
  {
    Agent agent(cluster, *local, folder);
    std::vector<model::PolicyPtr> policies;
    for (const auto& [id, policy] : cluster.policies) {
      const bool is_local = std::ranges::any_of(*local, [&](const model::PodKey& key) {
        const auto& written = policy->subject_pods.match_labels;
        return key.namespace_name == policy->namespace_name &&
               cluster.pods.at(key)->labels.at("app") == written.at("app");
      });
      if (is_local && policies.size() < rounds) policies.push_back(policy);
    }
    for (const auto& policy : policies) {
      model::Policy changed = *policy;
      for (auto& rules : changed.rules) {
        if (!rules.empty()) rules[0].ports.push_back({kTcp, model::PortRange{4444, 4444}});
      }
      costs["policy changed"].push_back(agent.event({change_of(changed)}));
    }
    std::size_t number = 0;
    auto place = cluster.pods.begin();
    auto here = local->begin();
    for (std::size_t round = 0; round < rounds; ++round) {
      for (int step = 0; step < 37; ++step) {
        if (++place == cluster.pods.end()) place = cluster.pods.begin();
      }
      const model::Pod known = like(*place->second, ++number);
      const source::Change gone{source::ChangeKind::Gone, "pod " + known.key.text(), nullptr};
      costs["pod added, known identity"].push_back(agent.event({change_of(known)}));
      costs["pod removed"].push_back(agent.event({gone}));

      if (++here == local->end()) here = local->begin();
      const model::Pod attached = like(*cluster.pods.at(*here), ++number);
      agent.attach(attached);
      costs["pod attached, known identity"].push_back(agent.event({change_of(attached)}));
      agent.detach();
      costs["pod detached"].push_back(
          agent.event({{source::ChangeKind::Gone, "pod " + attached.key.text(), nullptr}}));

      model::Pod unheard_of = like(*place->second, ++number);
      unheard_of.labels["app"] = fmt::format("unheard-of-{}", number);
      costs["pod added, new identity"].push_back(agent.event({change_of(unheard_of)}));
      costs["pod removed, last of its identity"].push_back(
          agent.event({{source::ChangeKind::Gone, "pod " + unheard_of.key.text(), nullptr}}));
    }
  }
  std::filesystem::remove_all(folder);
  return costs;
}

std::vector<double> run_file_to_acknowledged(const Shape& shape, std::size_t rounds) {
  std::string name = (std::filesystem::temp_directory_path() / "bulkhead-bench-XXXXXX").native();
  if (::mkdtemp(name.data()) == nullptr) std::exit(1);
  const std::filesystem::path state = std::filesystem::path(name) / "state";
  const std::filesystem::path policies = std::filesystem::path(name) / "policies.d";
  std::filesystem::create_directory(policies);
  std::filesystem::create_directory(state);
  const auto cluster = make_cluster(shape);
  const auto local = local_pods(cluster, shape);
  const auto write = [&](const model::Pod& pod, std::size_t port) {
    std::ofstream(policies / (pod.key.name + ".yaml")) << fmt::format(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        "metadata: {{name: file-{}, namespace: {}}}\n"
        "spec:\n  podSelector: {{matchLabels: {{app: {}}}}}\n  ingress:\n"
        "  - from: [{{podSelector: {{matchLabels: {{app: app0}}}}}}]\n"
        "    ports: [{{port: {}}}]\n",
        pod.key.name, pod.key.namespace_name, pod.labels.at("app"), port);
  };
  for (const auto& key : *local) write(*cluster.pods.at(key), 4000);
  std::vector<double> times;
  {
    Agent agent(cluster, *local, state);
    auto source = value_or_exit(source::DirSource::open(policies, {}));
    (void)agent.event(next_changes(*source));
    auto here = local->begin();
    for (std::size_t round = 0; round < rounds; ++round) {
      write(*cluster.pods.at(*here), 4001 + round);
      const double written = seconds();
      (void)agent.event(next_changes(*source));
      times.push_back((seconds() - written) * 1e6);
      if (++here == local->end()) here = local->begin();
    }
  }
  std::filesystem::remove_all(name);
  return times;
}

}  // namespace bulkhead::bench
