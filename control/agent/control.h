// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/agent/connector.h"
#include "control/agent/device_ports.h"
#include "control/agent/endpoints.h"
#include "control/agent/log.h"
#include "control/agent/loop.h"
#include "control/agent/news.h"
#include "control/agent/shared_view.h"
#include "control/agent/stored.h"
#include "control/api/service.h"
#include "control/apply/client.h"
#include "control/apply/publisher.h"
#include "control/config/config.h"
#include "control/flowlog/flowlog.h"
#include "control/flowlog/reader.h"
#include "control/metrics/collector.h"
#include "control/state/follower.h"

namespace bulkhead::control::agent {

// What main() builds and lends; all of it outlives the Control.
struct Surroundings {
  const Config& config;
  const Paths& paths;
  Log& log;
  SharedView& view;
  flowlog::FlowLog& flows;
  metrics::Collector& collector;
  apply::Compile compile = apply::compile_from_version_to_version();
};

// What ADD needs to make the pod's device.
struct Reserved {
  endpoint::EndpointRecord record;
  std::size_t queues = 1;
  std::optional<api::AttachmentReply> existing;  // attached before: nothing is left to do
  std::vector<std::string> warnings;
};

// All that the agent knows and does, one thread: reads sources, computes what is desired, brings
// the data plane there and keeps it there. Thread: the control thread, every member.
class Control {
 public:
  Control(const Surroundings& around, Stored stored);
  ~Control();

  // One turn of the event loop.
  void step(Time now);
  [[nodiscard]] Loop::Waits waits() const;
  // Lets every other thread see the present state.
  void show();

  [[nodiscard]] bool is_connected() const { return client_ != nullptr; }

  [[nodiscard]] api::Reply<Reserved> reserve(const api::AttachmentRequest& request);
  // Puts the wired endpoint in force, or undoes everything but the wiring. The error code
  // "dataplane_unavailable" means: worth another try within the deadline.
  [[nodiscard]] api::Reply<api::AttachmentReply> commit(const endpoint::EndpointRecord& record,
                                                        endpoint::WiredLink& wired);
  // Gives a reservation back, and undoes the commit of that generation (0 = of none).
  void abandon(const endpoint::EndpointKey& key, std::uint32_t generation);
  // What is attached by that name. From here on the end of its device is expected.
  [[nodiscard]] std::optional<endpoint::EndpointRecord> begin_detach(
      const endpoint::EndpointKey& key);
  [[nodiscard]] api::Reply<api::AttachmentReply> attachment(const endpoint::EndpointKey& key) const;
  // False when it was unknown.
  [[nodiscard]] api::Reply<api::DetachmentReply> detach(const endpoint::EndpointKey& key);

  [[nodiscard]] api::Reply<void> quarantine(const model::PodKey& pod,
                                            const api::QuarantineRequest& request,
                                            const std::string& who);
  [[nodiscard]] api::Reply<void> release(const model::PodKey& pod);

 private:
  struct HostPorts {
    endpoint::HostLinks links;
    std::uint32_t node_generation = 0;
    std::uint32_t outside_generation = 0;
  };

  // control.cc: sources, desired state, timers.
  void read_source(Time now);
  void log_broken_files();
  void reconcile(Time now);
  void keep_accepted();
  void check_namespaces();
  void refresh_node_addresses();
  void expire_quarantines();
  [[nodiscard]] state::Inputs inputs() const;
  [[nodiscard]] apply::PortWishes port_wishes() const;
  void note_outcomes(const apply::Outcomes& outcomes, Time now);
  [[nodiscard]] bool is_sweeping() const;
  void sweep();
  void remove_endpoint(endpoint::EndpointKey key);
  // The same without a DEL: the plugin is told of it when it next asks IPAM for addresses.
  void lose_endpoint(const endpoint::EndpointKey& key);

  // connection.cc: the data plane comes and goes.
  void connect(Time now);
  void greeted(apply::Client::Connected connected, Time now);
  void disconnect(const std::string& why, Time now);
  void receive(Time now);
  [[nodiscard]] std::map<PortId, std::uint32_t> adopt_ports(std::vector<apply::HeldPort> ports,
                                                            apply::Dataplane& dataplane);
  [[nodiscard]] Status wire_host(std::vector<apply::HeldPort> held);
  void reopen_queues();
  void take_closed_ports(Time now);
  void make_host_ports_again(const std::string& why, Time now);
  void close(Endpoint& endpoint, const std::string& why);

  // report.cc: what others see.
  [[nodiscard]] api::StatusReport status_report() const;

  // attachments.cc
  [[nodiscard]] std::optional<api::ApiError> objection(const api::AttachmentRequest& request) const;
  [[nodiscard]] std::optional<std::string> missing(const endpoint::EndpointRecord& record,
                                                   const apply::Outcomes& outcomes) const;
  [[nodiscard]] api::AttachmentReply reply_for(const endpoint::EndpointRecord& record) const;

  Surroundings around_;
  News news_;
  endpoint::Registry registry_;
  endpoint::LostAttachments lost_;
  state::QuarantineStore quarantines_;
  state::AcceptedFolder accepted_folder_;
  state::Store store_;
  state::Follower follower_;
  std::unique_ptr<source::Source> source_;
  apply::Publisher publisher_;
  Endpoints endpoints_;
  std::optional<HostPorts> host_;
  DevicePorts devices_;
  std::vector<IpAddress> node_addresses_;
  std::uint32_t mtu_ = 1500;  // of the host ports, and of pods that ask for none
  // The objects in force when publishing was blocked last: only they may go on being served.
  std::optional<state::Accepted> last_open_;
  std::vector<state::AcceptedChange> unwritten_;

  Connector connector_;
  std::unique_ptr<apply::Client> client_;
  dataplane::api::HelloReply hello_;
  std::shared_ptr<const dataplane::api::StatsPage> stats_;
  std::unique_ptr<flowlog::RingReader> reader_;

  apply::Outcomes outcomes_;  // of the last reconciliation
  std::map<std::string, std::uint64_t> rejected_;
  std::uint64_t seen_rejections_ = 0;
  std::vector<std::string> warnings_;
  std::string connect_error_;
  std::optional<std::string> blocked_;
  std::optional<Time> stale_since_;
  std::optional<Time> changed_at_;  // the oldest change that is not in force yet
  std::optional<Time> retry_at_;    // reconcile again although nothing changed
  Time connect_at_{};
  Time check_at_{};
  Time sweep_at_{};
  Time sweep_shown_at_{};
  Time started_at_ = Clock::now();
  bool is_dirty_ = true;
  bool is_shown_ = false;
};

}  // namespace bulkhead::control::agent
