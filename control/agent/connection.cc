// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/agent/control.h"

namespace bulkhead::control::agent {
namespace {

namespace api = dataplane::api;
using namespace std::chrono_literals;

constexpr auto kReconnectEvery = 20ms;  // a refused attempt costs a thread and two system calls
constexpr auto kRewireAfter = 1s;

bool is_host_port(PortId port) {
  return port == endpoint::kNodePort || port == endpoint::kOutsidePort;
}

}  // namespace

void Control::connect(Time now) {
  auto attempt = connector_.take();
  if (!attempt) {
    if (now >= connect_at_) connector_.start();
    return;
  }
  connect_at_ = now + kReconnectEvery;
  if (*attempt) return greeted(std::move(**attempt), now);
  connect_error_ = attempt->error().text();
  if (!news_.is_new("connect", connect_error_)) return;
  around_.log.warning("no data plane", {{"error", connect_error_}});
  is_shown_ = false;
}

void Control::greeted(apply::Client::Connected connected, Time now) {
  client_ = std::move(connected.client);
  auto& greeting = connected.greeting;
  hello_ = greeting.reply;

  std::vector<apply::HeldPort> host_ports;
  std::vector<apply::HeldPort> pod_ports;
  std::map<PortId, std::uint32_t> adopted_devices;
  devices_.forget();
  for (auto& port : greeting.ports) {
    if (devices_.adopt(port.attached)) {
      adopted_devices.emplace(PortId(port.attached.port), port.attached.generation);
      continue;
    }
    (is_host_port(PortId(port.attached.port)) ? host_ports : pod_ports).push_back(std::move(port));
  }
  auto adopted = adopt_ports(std::move(pod_ports), *client_);
  adopted.merge(adopted_devices);
  for (const auto& port : host_ports)
    adopted[PortId(port.attached.port)] = port.attached.generation;
  const bool had_both = host_ports.size() == 2;
  if (!had_both) {
    for (const auto& port : host_ports) {
      static_cast<void>(client_->detach(PortId(port.attached.port), port.attached.generation));
      adopted.erase(PortId(port.attached.port));
    }
    host_ports.clear();
  }
  if (const Status wired = wire_host(std::move(host_ports)); !wired) {
    disconnect(fmt::format("cannot wire the host: {}", wired.error().text()), now);
    connect_at_ = now + kRewireAfter;
    return;
  }
  const Status renewed = devices_.renew([this] { return registry_.next_generation(); });
  if (!renewed) {
    disconnect(renewed.error().text(), now);
    connect_at_ = now + kRewireAfter;
    return;
  }
  publisher_.adopt(hello_, std::move(adopted));
  reopen_queues();

  api::Configure settings;
  settings.reevaluate_established = around_.config.established == "reevaluate" ? 1 : 0;
  settings.reset_cut = around_.config.established_cut == "reset" ? 1 : 0;
  if (const auto ack = client_->configure(settings); !ack) {
    disconnect(ack.error().error.text(), now);
    return;
  }
  stats_ = std::move(greeting.stats);
  auto& flows = around_.flows;
  reader_ = std::make_unique<flowlog::RingReader>(
      std::move(greeting.rings), std::move(greeting.wake),
      [&flows](const api::Event& event) { flows.add(event); }, [&flows] { flows.flush(); });
  connect_error_.clear();
  for (const char* topic : {"connect", "disconnect"}) news_.is_new(topic, "");
  around_.log.info("data plane connected", {{"pid", std::to_string(hello_.pid)},
                                            {"workers", std::to_string(hello_.workers)}});
  is_dirty_ = true;
  is_shown_ = false;
}

void Control::disconnect(const std::string& why, Time now) {
  // What is in the way at every attempt is told once.
  const bool was_greeted = reader_ != nullptr;
  if (news_.is_new("disconnect", why)) {
    around_.log.error(was_greeted ? "data plane lost" : "cannot enforce yet", {{"error", why}});
  }
  connect_error_ = why;
  reader_.reset();
  if (stats_) around_.collector.remember(*stats_);
  stats_.reset();
  client_.reset();
  publisher_.forget();
  for (auto& [key, endpoint] : endpoints_) {
    if (endpoint.state == Endpoint::State::Ready) endpoint.state = Endpoint::State::Wiring;
  }
  if (!stale_since_) stale_since_ = now;
  connect_at_ = now;
  is_shown_ = false;
}

void Control::receive(Time now) {
  const bool is_alive = client_->receive_waiting();
  take_closed_ports(now);
  if (!is_alive) return disconnect("the connection was closed", now);
  // Its device was deleted between wiring and attaching: the same queues are refused for ever.
  const auto& refused = outcomes_.refused_ports;
  if (!refused.contains(endpoint::kNodePort) && !refused.contains(endpoint::kOutsidePort)) return;
  make_host_ports_again("the data plane refused a host port", now);
  connect_at_ = now + kRewireAfter;
}

// Keeps the ports that match a record, with the queues handed back; the others are strangers, such
// as those of an ADD that an agent before us did not live to finish.
std::map<PortId, std::uint32_t> Control::adopt_ports(std::vector<apply::HeldPort> ports,
                                                     apply::Dataplane& dataplane) {
  std::map<PortId, std::uint32_t> adopted;
  for (auto& port : ports) {
    const PortId id(port.attached.port);
    const auto* const record = registry_.find(id);
    const auto known = record == nullptr ? endpoints_.end() : endpoints_.find(record->key());
    const bool is_ours = known != endpoints_.end() &&
                         known->second.record().generation == port.attached.generation &&
                         known->second.record().netns_inode == port.attached.netns_inode &&
                         port.queues.size() == hello_.queues_per_tap &&
                         std::all_of(port.queues.begin(), port.queues.end(), [&](const Fd& queue) {
                           return is_queue_of(queue, record->attachment.ifname);
                         });
    if (is_ours) {
      known->second.queues = std::move(port.queues);
      adopted.emplace(id, port.attached.generation);
      continue;
    }
    around_.log.warning("detached a port that nobody knows", {{"port", std::to_string(id.value)}});
    static_cast<void>(dataplane.detach(id, port.attached.generation));
  }
  return adopted;
}

// With both ports handed back, their devices are adopted without opening a queue: a second set
// would take packets away from the data plane.
Status Control::wire_host(std::vector<apply::HeldPort> held) {
  endpoint::HostLinkSettings settings;
  settings.instance = around_.config.instance;
  settings.pod_cidrs = around_.config.pod_cidrs;
  settings.masquerade = around_.config.masquerade;
  settings.record_folder = around_.paths.run();
  // What IPv6 asks of a link is the least.
  if (const auto mtu = endpoint::uplink_mtu()) mtu_ = std::max<std::uint32_t>(*mtu, 1280);
  settings.mtu = mtu_;
  const bool holds_queues = host_ && host_->links.node.queues.size() == hello_.queues_per_tap;
  settings.queues = held.empty() && !holds_queues ? hello_.queues_per_tap : 0;
  if (settings.queues != 0) host_.reset();

  auto links = endpoint::wire_host(settings);
  if (!links) return tl::unexpected(links.error());
  HostPorts ports;
  ports.links = std::move(*links);
  for (auto& port : held) {
    const bool is_node = port.attached.port == endpoint::kNodePort.value;
    (is_node ? ports.links.node : ports.links.outside).queues = std::move(port.queues);
    (is_node ? ports.node_generation : ports.outside_generation) = port.attached.generation;
  }
  if (held.empty()) {
    if (holds_queues) {
      ports.links.node.queues = std::move(host_->links.node.queues);
      ports.links.outside.queues = std::move(host_->links.outside.queues);
    }
    for (auto* generation : {&ports.node_generation, &ports.outside_generation}) {
      const auto next = registry_.next_generation();
      if (!next) return tl::unexpected(next.error());
      *generation = *next;
    }
  }
  host_ = std::move(ports);
  return {};
}

// After the data plane died: from the duplicates held here, or by opening the persistent TAPs.
void Control::reopen_queues() {
  for (auto& [key, endpoint] : endpoints_) {
    if (endpoint.state == Endpoint::State::Closed || registry_.find(key) == nullptr) continue;
    if (endpoint.queues.size() == hello_.queues_per_tap) continue;
    endpoint.queues.clear();
    const auto& attachment = endpoint.record().attachment;
    if (endpoint::netns_inode(attachment.netns) != endpoint.record().netns_inode) continue;
    auto queues = endpoint::reopen_link(attachment.netns, attachment.ifname, hello_.queues_per_tap);
    if (queues) {
      endpoint.queues = std::move(*queues);
    } else {
      close(endpoint, queues.error().text());
    }
  }
}

void Control::close(Endpoint& endpoint, const std::string& why) {
  endpoint.state = Endpoint::State::Closed;
  endpoint.why_closed = why;
  endpoint.queues.clear();
  is_dirty_ = true;
  if (endpoint.is_leaving) return;
  around_.log.error("closed a pod's port",
                    {{"pod", pod_of(endpoint.record()).text()}, {"error", why}});
}

void Control::take_closed_ports(Time now) {
  bool lost_host_port = false;
  for (const auto& closed : client_->take_closed()) {
    const PortId id(closed.port);
    const auto held = publisher_.acknowledged().ports.find(id);
    if (held == publisher_.acknowledged().ports.end() || held->second != closed.generation)
      continue;
    publisher_.port_is_gone(id);
    is_dirty_ = true;
    if (is_host_port(id)) {
      lost_host_port = true;
      continue;
    }
    const auto* const record = registry_.find(id);
    const auto known = record == nullptr ? endpoints_.end() : endpoints_.find(record->key());
    if (known == endpoints_.end()) continue;
    if (endpoint::netns_inode(record->attachment.netns) != record->netns_inode) {
      around_.log.info("pod is gone", {{"pod", pod_of(*record).text()}});
      lose_endpoint(known->first);
    } else {
      close(known->second, "its device was deleted or failed");
    }
  }
  if (lost_host_port) make_host_ports_again("a host port was closed", now);
}

// Both are made anew together, with the next connection; pods cannot reach the node meanwhile.
void Control::make_host_ports_again(const std::string& why, Time now) {
  around_.log.error("a host port is gone; making it again");
  host_.reset();
  outcomes_.refused_ports.clear();
  disconnect(why, now);
}

}  // namespace bulkhead::control::agent
