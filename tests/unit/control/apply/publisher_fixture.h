// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/apply/publisher.h"
#include "control/state/follower.h"
#include "dataplane/api/validate.h"

namespace bulkhead::control::apply {

namespace api = dataplane::api;
namespace fs = std::filesystem;

// The other end of dataplane.sock: writes down what it was told, in order, and refuses or breaks on
// demand.
class FakeDataplane final : public Dataplane {
 public:
  Outcome<api::Ack> configure(const api::Configure&) override { return say("configure"); }
  Outcome<api::Ack> publish(Revision revision, std::span<const OutgoingSection> sections) override {
    new_sections = 0;
    for (const auto& section : sections) new_sections += section.is_new ? 1U : 0U;
    return say("publish " + std::to_string(revision.value));
  }
  Outcome<api::Ack> attach(const api::AttachPort& port, std::span<const int>) override {
    return say("attach " + std::to_string(port.port));
  }
  Outcome<api::Ack> detach(PortId port, std::uint32_t) override {
    return say("detach " + std::to_string(port.value));
  }
  Outcome<api::Ack> upsert(std::span<const api::AddressUpdate> updates) override {
    const auto ack = say("upsert " + std::to_string(updates.size()));
    if (!ack) return ack;
    for (const auto& update : updates) identities[api::from_wire(update.address)] = update.identity;
    return ack;
  }
  Outcome<api::Ack> remove(std::span<const IpAddress> addresses) override {
    const auto ack = say("remove " + std::to_string(addresses.size()));
    if (!ack) return ack;
    for (const auto& address : addresses) identities.erase(address);
    return ack;
  }

  std::vector<std::string> take() { return std::exchange(said, {}); }

  std::vector<std::string> said;
  std::map<IpAddress, std::uint32_t> identities;
  std::size_t new_sections = 0;
  std::string refuse;  // the call that is refused
  std::string lose;    // the call after which the connection is broken

 private:
  Outcome<api::Ack> say(const std::string& call) {
    said.push_back(call);
    if (!lose.empty() && call.starts_with(lose)) {
      return tl::unexpected(Problem{Problem::Kind::Lost, {"broken", {}}});
    }
    if (!refuse.empty() && call.starts_with(refuse)) {
      return tl::unexpected(Problem{Problem::Kind::Refused, {"no", {}}});
    }
    return api::Ack{};
  }
};

inline void take_all_for_allowed(model::Cluster& cluster) {
  cluster.policies.clear();
  cluster.settings.default_verdict = Verdict::Allow;
}

class PublisherTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bulkhead-apply-XXXXXX").native();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    start();
    publisher_->adopt({}, {});
  }
  void TearDown() override { fs::remove_all(folder_); }

  void start() {
    auto numbers = NumbersFile::open(folder_);
    auto journal = AddressJournal::open(folder_ / "addresses");
    ASSERT_TRUE(numbers && journal);
    const auto compile = [this](model::Cluster cluster, const compile::LocalPods& local,
                                Revision revision, compile::Numbers& kept,
                                std::span<const compile::Alias> aliases) {
      numbers_ = &kept;
      if (misread_) misread_(cluster);
      auto compiled = compile::compile(cluster, local, revision, kept, aliases);
      if (compiled && spoil_) spoil_(*compiled);
      return compiled;
    };
    publisher_.emplace(
        std::move(*numbers), std::move(*journal), compile,
        SecondReader([this](std::chrono::milliseconds) { return [this] { return has_time_; }; }));
  }
  // A pod at port 16 + its number, at address 10.88.0.<number>.
  void add_pod(std::uint8_t number, const std::string& app) {
    state::AttachedPod pod;
    pod.pod = {"web", "pod-" + std::to_string(number)};
    pod.labels["app"] = app;
    pod.ips = {IpAddress::v4(10, 88, 0, number)};
    pod.port = PortId(16U + number);
    attach(pod);
    PortWish wish;
    wish.message.port = pod.port.value;
    wish.message.generation = number;
    ports_[pod.port] = wish;
  }
  void attach(const state::AttachedPod& pod) {
    inputs_.attached.insert_or_assign(pod.port, std::make_shared<const state::AttachedPod>(pod));
  }
  void drop_pod(std::uint8_t number) {
    inputs_.attached.erase(PortId(16U + number));
    ports_.erase(PortId(16U + number));
  }
  // Isolates the pods of one app, so that the label can be told apart.
  void add_policy(const std::string& app) {
    auto policy = std::make_shared<model::Policy>();
    policy->namespace_name = "web";
    policy->name = "isolate-" + app;
    policy->subject_pods.match_labels["app"] = app;
    inputs_.accepted.policies.insert_or_assign(policy->id(), policy);
  }
  Outcomes reconcile(Publishing publishing = Publishing::Open) {
    return publisher_->reconcile(follower_.follow(inputs_), ports_, publishing, &dataplane_);
  }

  fs::path folder_;
  // What is wrong with the compiler: it misunderstands the cluster, or spoils its table.
  std::function<void(model::Cluster&)> misread_;
  std::function<void(compile::CompiledTable&)> spoil_;
  bool has_time_ = true;
  const compile::Numbers* numbers_ = nullptr;  // the publisher's, once it has compiled
  std::optional<Publisher> publisher_;
  FakeDataplane dataplane_;
  state::Inputs inputs_;
  state::Follower follower_;
  PortWishes ports_;
};

}  // namespace bulkhead::control::apply
