// SPDX-License-Identifier: Apache-2.0
#include "control/agent/control.h"

#include <algorithm>

namespace bulkhead::control::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kCheckEvery = 2s;    // namespace inodes and node addresses (design.md 5.1)
constexpr auto kRetryAfter = 1s;    // what the data plane or the disk refused
constexpr auto kSweepEvery = 20ms;  // law 4: small steps, each followed by a pause of at least
constexpr int kSweepShare = 20;     // this many times what it took: 5 % of a core
constexpr auto kSweepShownEvery = 1s;

apply::SecondReader::HasTime has_time_for(std::chrono::milliseconds time) {
  return [end = Clock::now() + time] { return Clock::now() < end; };
}

}  // namespace

Control::Control(const Surroundings& around, Stored stored)
    : around_(around),
      registry_(std::move(stored.registry)),
      lost_(std::move(stored.lost)),
      quarantines_(std::move(stored.quarantines)),
      accepted_folder_(std::move(stored.accepted)),
      store_(std::move(stored.store)),
      source_(std::move(stored.source)),
      publisher_(std::move(stored.numbers), std::move(stored.journal), around.compile,
                 apply::SecondReader(has_time_for)),
      devices_(around.config.ports),
      connector_(around.paths.dataplane_socket()) {
  for (auto& record : registry_.records()) endpoints_.try_emplace(record.key(), record);
  // What was accepted before a restart is not new.
  if (!store_.unit_names().empty()) last_open_ = store_.accepted();
}

Control::~Control() = default;

Loop::Waits Control::waits() const {
  Loop::Waits waits;
  waits.descriptors = {source_->descriptor(), client_ ? client_->descriptor() : -1,
                       connector_.descriptor()};
  Time first = check_at_;
  if (!client_ && !connector_.is_running()) first = std::min(first, connect_at_);
  if (const auto deadline = source_->deadline()) first = std::min(first, *deadline);
  if (retry_at_) first = std::min(first, *retry_at_);
  if (is_sweeping()) first = std::min(first, sweep_at_);
  waits.deadline = first;
  return waits;
}

void Control::step(Time now) {
  read_source(now);
  if (client_) receive(now);
  if (now >= check_at_) {
    check_namespaces();
    refresh_node_addresses();
    expire_quarantines();
    check_at_ = now + kCheckEvery;
  }
  if (!client_) connect(now);
  if (retry_at_ && now >= *retry_at_) is_dirty_ = true;
  if (is_dirty_) reconcile(now);
  if (is_sweeping() && now >= sweep_at_) sweep();
  if (!is_shown_) show();
  // After the acknowledgement, and after it was told: neither waits for the disk. A restart reads
  // the file itself, so that losing this write loses nothing but the fallback.
  keep_accepted();
}

void Control::read_source(Time now) {
  const bool could_see = !source_->failure();
  const auto changes = source_->read(now);
  if (source_->failure() && could_see) {
    around_.log.error("cannot read policies", {{"error", source_->failure()->text()}});
    is_shown_ = false;
  }
  if (changes.empty()) return;
  for (auto& change : store_.apply(changes)) unwritten_.push_back(std::move(change));
  for (const auto& change : changes) {
    if (!store_.is_broken(change.unit)) news_.is_new("file " + change.unit, "");
    if (!change.content) continue;
    for (const auto& warning : change.content->parsed.warnings) {
      around_.log.warning("policy warning", {{"where", warning.where}, {"text", warning.message}});
    }
  }
  const auto rejections = store_.rejections();
  if (rejections != seen_rejections_) {
    rejected_["parse"] += rejections - std::exchange(seen_rejections_, rejections);
    log_broken_files();
  }
  if (!changed_at_) changed_at_ = now;
  is_dirty_ = true;
}

void Control::log_broken_files() {
  for (const auto& unit : store_.broken()) {
    std::string text;
    for (const auto& error : unit.errors) text += error.text() + "\n";
    if (!news_.is_new("file " + unit.unit, text)) continue;
    for (const auto& error : unit.errors) {
      around_.log.error("policy file refused", {{"where", error.where}, {"error", error.message}});
    }
  }
}

state::Inputs Control::inputs() const {
  state::Inputs inputs;
  inputs.accepted = blocked_ && last_open_ ? *last_open_ : store_.accepted();
  // First: what the configuration gives to a device is nobody else's.
  devices_.add_pods(inputs.attached);
  for (const auto& [key, endpoint] : endpoints_) {
    if (endpoint.state == Endpoint::State::Closed) continue;
    inputs.attached.insert_or_assign(endpoint.attached()->port, endpoint.attached());
  }
  inputs.quarantines = quarantines_.records();
  inputs.settings = around_.config.settings();
  inputs.node_addresses = node_addresses_;
  return inputs;
}

apply::PortWishes Control::port_wishes() const {
  using dataplane::api::PortRole;
  apply::PortWishes wishes;
  if (host_) {
    const auto& links = host_->links;
    wishes.emplace(endpoint::kNodePort,
                   host_port_wish(endpoint::kNodePort, PortRole::Node, links.node_name,
                                  links.node_mac, links.node.queues, mtu_, host_->node_generation));
    wishes.emplace(
        endpoint::kOutsidePort,
        host_port_wish(endpoint::kOutsidePort, PortRole::Outside, links.outside_name,
                       links.outside_mac, links.outside.queues, mtu_, host_->outside_generation));
  }
  devices_.add_wishes(wishes);
  for (const auto& [key, endpoint] : endpoints_) {
    if (endpoint.state == Endpoint::State::Closed || endpoint.queues.empty()) continue;
    wishes.emplace(endpoint.record().port, endpoint.wish());
  }
  return wishes;
}

void Control::reconcile(Time now) {
  is_dirty_ = false;
  is_shown_ = false;
  retry_at_.reset();
  blocked_ = store_.accepted().blocked;
  if (!blocked_) last_open_ = store_.accepted();

  const state::Desired& wished = follower_.follow(inputs());
  if (wished.warnings != warnings_) {
    warnings_ = wished.warnings;
    for (const auto& warning : warnings_) around_.log.warning(warning);
  }
  const bool has_table = publisher_.in_force().table != nullptr;
  const auto publishing =
      blocked_ && (has_table || !last_open_) ? apply::Publishing::Blocked : apply::Publishing::Open;
  outcomes_ = publisher_.reconcile(wished, port_wishes(), publishing, client_.get());
  note_outcomes(outcomes_, now);
}

void Control::keep_accepted() {
  if (const Status kept = accepted_folder_.write(std::exchange(unwritten_, {})); !kept) {
    around_.log.error("cannot keep the accepted files", {{"error", kept.error().text()}});
  }
}

bool Control::is_sweeping() const {
  return around_.config.verify == "full" && publisher_.is_verifying();
}

// A step of law 4's comparison behind the swap, and how long to leave it alone after.
void Control::sweep() {
  const Time begin = Clock::now();
  const Status same = publisher_.verify_on();
  if (!same) {
    outcomes_ = publisher_.fall_back(same.error(), port_wishes(), client_.get());
    note_outcomes(outcomes_, begin);
    is_shown_ = false;
  }
  const Time end = Clock::now();
  sweep_at_ = end + std::max<Clock::duration>(kSweepEvery, kSweepShare * (end - begin));
  if (publisher_.is_verifying() && end < sweep_shown_at_ + kSweepShownEvery) return;
  sweep_shown_at_ = end;
  is_shown_ = false;
}

void Control::note_outcomes(const apply::Outcomes& outcomes, Time now) {
  std::string refused;
  for (const auto& [port, error] : outcomes.refused_ports) {
    refused += fmt::format("{}{}: {}", refused.empty() ? "" : "; ", port.value, error.text());
    retry_at_ = now + kRetryAfter;
  }
  if (news_.is_new("ports", refused)) {
    around_.log.error("the data plane refused ports", {{"error", refused}});
  }
  if (!outcomes.refusal) {
    news_.is_new("publish", "");
    if (client_ && changed_at_) {
      const std::chrono::duration<double> taken = Clock::now() - *changed_at_;
      around_.view.publish_seconds().observe(taken.count());
      changed_at_.reset();
    }
    const bool is_stale = store_.has_broken() || !client_;
    if (!is_stale) stale_since_.reset();
    if (is_stale && !stale_since_) stale_since_ = now;
    for (auto& [key, endpoint] : endpoints_) {
      const bool is_held = publisher_.acknowledged().ports.contains(endpoint.record().port);
      if (endpoint.state == Endpoint::State::Wiring && is_held) {
        endpoint.state = Endpoint::State::Ready;
      }
    }
    if (outcomes.has_published) {
      around_.log.info("table in force",
                       {{"revision", std::to_string(publisher_.acknowledged().revision.value)}});
    }
    return;
  }
  const auto& refusal = *outcomes.refusal;
  if (!stale_since_) stale_since_ = now;
  if (news_.is_new("publish", refusal.cause + ": " + refusal.error.text())) {
    ++rejected_[refusal.cause];
    around_.log.error("not published", {{"cause", refusal.cause}, {"error", refusal.error.text()}});
  }
  if (refusal.cause == "lost") disconnect(refusal.error.text(), now);
  if (refusal.cause == "dataplane" || refusal.cause == "disk") retry_at_ = now + kRetryAfter;
}

// By value: the key may be the very one that is erased.
void Control::remove_endpoint(endpoint::EndpointKey key) {
  endpoints_.erase(key);
  if (const Status removed = registry_.remove(key); !removed) {
    around_.log.error("cannot remove an endpoint record", {{"error", removed.error().text()}});
  }
  is_dirty_ = true;
}

void Control::lose_endpoint(const endpoint::EndpointKey& key) {
  const auto known = endpoints_.find(key);
  if (known == endpoints_.end()) return;
  // First: a crash in between leaves the record, and this is done again.
  const api::LostAttachment lost{key.container_id, key.ifname,
                                 known->second.record().attachment.network};
  if (const Status kept = lost_.add(lost); !kept) {
    around_.log.error("cannot keep a lost attachment", {{"error", kept.error().text()}});
  }
  remove_endpoint(key);
}

// Some runtimes lose DEL: a namespace that is gone, or another one at its path, is an implicit one.
void Control::check_namespaces() {
  std::vector<endpoint::EndpointKey> dead;
  for (const auto& [key, endpoint] : endpoints_) {
    if (registry_.find(key) == nullptr) continue;
    const auto inode = endpoint::netns_inode(endpoint.record().attachment.netns);
    if (inode != endpoint.record().netns_inode) dead.push_back(key);
  }
  for (const auto& key : dead) {
    around_.log.warning(
        "its namespace is gone; detached",
        {{"pod", pod_of(endpoints_.at(key).record()).text()}, {"container", key.container_id}});
    lose_endpoint(key);
  }
}

void Control::refresh_node_addresses() {
  auto addresses = endpoint::node_addresses();
  const std::string error = addresses ? "" : addresses.error().text();
  if (news_.is_new("addresses", error)) {
    around_.log.error("cannot list node addresses", {{"error", error}});
  }
  if (!addresses) return;
  std::sort(addresses->begin(), addresses->end());
  if (*addresses == node_addresses_) return;
  node_addresses_ = std::move(*addresses);
  is_dirty_ = true;
}

void Control::expire_quarantines() {
  const auto expired = quarantines_.expire(std::chrono::system_clock::now());
  const std::string error = expired ? "" : expired.error().text();
  if (news_.is_new("quarantines", error)) {
    around_.log.error("cannot expire quarantines", {{"error", error}});
  }
  if (expired && *expired) is_dirty_ = true;
}

}  // namespace bulkhead::control::agent
