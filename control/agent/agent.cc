// SPDX-License-Identifier: Apache-2.0
#include "control/agent/agent.h"

#include <algorithm>
#include <thread>

#include "policy/question/explain.h"

namespace bulkhead::control::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;        // with the control thread, for calls without a deadline
constexpr auto kLongestTimeout = 60s;  // what a caller may ask for
constexpr auto kTryAgain = 20ms;

api::ApiError busy() { return {503, "busy", "the agent did not answer in time", ""}; }

std::chrono::milliseconds left(Time deadline) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return std::max(rest, 1ms);
}

bool is_worth_waiting(const api::ApiError& error, Time deadline) {
  return error.code == "dataplane_unavailable" && Clock::now() + kTryAgain < deadline;
}

endpoint::PodLink link_of(const endpoint::EndpointRecord& record, std::size_t queues) {
  endpoint::PodLink link;
  link.netns_path = record.attachment.netns;
  link.ifname = record.attachment.ifname;
  link.ips = record.ips();
  for (const auto& ip : link.ips) link.addresses.push_back(Prefix::host(ip));
  link.mtu = record.mtu;
  link.mac = record.mac;
  link.gateway_mac = endpoint::kGatewayMac;
  link.queues = queues;
  return link;
}

std::uint64_t flow_count(const dataplane::api::WorkerStats& worker) {
  return worker.flows_tcp.load(std::memory_order_relaxed) +
         worker.flows_udp.load(std::memory_order_relaxed) +
         worker.flows_sctp.load(std::memory_order_relaxed) +
         worker.flows_icmp.load(std::memory_order_relaxed);
}

}  // namespace

template <class T, class Work>
api::Reply<T> Agent::ask(Work work, std::chrono::milliseconds patience) {
  auto answer = loop_.call(
      [this, work = std::move(work)]() mutable {
        auto reply = work();
        control_.show();
        return reply;
      },
      patience);
  if (!answer) return tl::unexpected(busy());
  return std::move(*answer);
}

api::StatusReport Agent::status() {
  const auto seen = view_.seen();
  api::StatusReport report = seen->status;
  report.uptime_seconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - started_).count());
  report.policy_stale_seconds = seen->stale_seconds();
  if (!seen->stats) return report;
  const std::size_t workers =
      std::min<std::size_t>(seen->stats->workers, dataplane::api::kMaxWorkers);
  for (std::size_t i = 0; i < workers; ++i) {
    report.flows += flow_count(seen->stats->worker[i]);
    report.flow_capacity += seen->stats->worker[i].flow_capacity.load(std::memory_order_relaxed);
  }
  report.epoch = static_cast<std::uint32_t>(seen->stats->epoch.load(std::memory_order_relaxed));
  return report;
}

std::vector<api::EndpointReport> Agent::endpoints() { return endpoint_reports(*view_.seen()); }

std::vector<api::PolicyReport> Agent::policies() { return policy_reports(*view_.seen()); }

api::Reply<Reserved> Agent::reserve(const api::AttachmentRequest& request, Time deadline) {
  for (;;) {
    auto reserved =
        ask<Reserved>([this, request] { return control_.reserve(request); }, left(deadline));
    if (reserved || !is_worth_waiting(reserved.error(), deadline)) return reserved;
    std::this_thread::sleep_for(kTryAgain);
  }
}

api::Reply<api::AttachmentReply> Agent::commit(const endpoint::EndpointRecord& record,
                                               endpoint::WiredLink wired, Time deadline) {
  // Shared with the control thread: this caller may stop waiting while the commit still runs.
  const auto link = std::make_shared<endpoint::WiredLink>(std::move(wired));
  for (;;) {
    auto reply = ask<api::AttachmentReply>(
        [this, record, link] { return control_.commit(record, *link); }, left(deadline));
    if (reply || !is_worth_waiting(reply.error(), deadline)) return reply;
    std::this_thread::sleep_for(kTryAgain);
  }
}

void Agent::forget(const endpoint::EndpointKey& key, std::uint32_t generation) {
  loop_.post([this, key, generation] {
    control_.abandon(key, generation);
    control_.show();
  });
}

api::Reply<api::AttachmentReply> Agent::attach(const api::AttachmentRequest& request) {
  const auto timeout = std::clamp<std::chrono::milliseconds>(
      std::chrono::milliseconds(request.timeout_ms), 1ms, kLongestTimeout);
  const Time deadline = Clock::now() + timeout;
  const endpoint::EndpointKey key{request.container_id, request.ifname};

  auto reserved = reserve(request, deadline);
  if (!reserved) {
    if (reserved.error().code == "busy") forget(key, 0);
    return tl::unexpected(reserved.error());
  }
  if (reserved->existing) return *reserved->existing;

  auto wired = endpoint::wire_pod(link_of(reserved->record, reserved->queues));
  if (!wired) {
    forget(key, reserved->record.generation);
    return tl::unexpected(
        api::ApiError{500, "wiring_failed", wired.error().message, wired.error().where});
  }
  auto reply = commit(reserved->record, std::move(*wired), deadline);
  if (reply) return reply;

  // Nothing is left behind: first the link, so that the pod has no half-made way out, then the
  // numbers. FIFO order undoes even a commit that is still running.
  forget(key, reserved->record.generation);
  static_cast<void>(endpoint::unwire_pod(request.netns, request.ifname));
  return reply;
}

api::Reply<api::AttachmentReply> Agent::attachment(const std::string& container,
                                                   const std::string& ifname) {
  return ask<api::AttachmentReply>(
      [this, key = endpoint::EndpointKey{container, ifname}] { return control_.attachment(key); },
      kPatience);
}

api::Reply<api::DetachmentReply> Agent::detach(const api::DetachmentRequest& request) {
  const endpoint::EndpointKey key{request.container_id, request.ifname};
  const auto known = loop_.call([this, key] { return control_.begin_detach(key); }, kPatience);
  if (!known) return tl::unexpected(busy());
  const std::string netns =
      request.netns.empty() && *known ? (*known)->attachment.netns : request.netns;
  // The path may lead to another pod's namespace by now: then its link is none of ours.
  const bool is_ours = !*known || endpoint::netns_inode(netns) == (*known)->netns_inode;
  if (!netns.empty() && is_ours) {
    // When this fails, the port is closed all the same, and the device has no carrier.
    static_cast<void>(endpoint::unwire_pod(netns, request.ifname));
  }
  return ask<api::DetachmentReply>([this, key] { return control_.detach(key); }, kPatience);
}

std::vector<api::LostAttachment> Agent::lost_attachments(const std::string& network) {
  std::vector<api::LostAttachment> found;
  for (const auto& lost : view_.seen()->lost) {
    if (lost.network == network) found.push_back(lost);
  }
  return found;
}

api::Reply<void> Agent::quarantine(const std::string& pod_namespace, const std::string& pod,
                                   const api::QuarantineRequest& request, const std::string& who) {
  return ask<void>([this, key = model::PodKey{pod_namespace, pod}, request,
                    who] { return control_.quarantine(key, request, who); },
                   kPatience);
}

api::Reply<void> Agent::release(const std::string& pod_namespace, const std::string& pod) {
  return ask<void>(
      [this, key = model::PodKey{pod_namespace, pod}] { return control_.release(key); }, kPatience);
}

api::Reply<std::string> Agent::explain(const api::ExplainRequest& request) {
  const auto seen = view_.seen();
  if (!seen->in_force.desired || !seen->in_force.table) {
    return tl::unexpected(api::ApiError{503, "no_table", "no policy table is in force yet", ""});
  }
  const auto bad = [](std::string where, std::string message) {
    return tl::unexpected(api::ApiError{400, "bad_request", std::move(message), std::move(where)});
  };
  question::ExplainOptions options;
  options.from = request.from;
  options.to = request.to;
  const auto protocol = protocol_number(request.protocol);
  if (!protocol) return bad("protocol", "must be TCP, UDP, SCTP, ICMP or ICMPv6");
  options.probe = {*protocol, has_ports(*protocol) ? request.port : std::uint16_t{0}};
  if (request.family == "4") options.family = Family::V4;
  if (request.family == "6") options.family = Family::V6;
  if (!request.family.empty() && !options.family) return bad("family", "must be 4 or 6");

  const auto& desired = *seen->in_force.desired;
  // The table in force answers for this node's pods only; for others, what it would be is told.
  bool is_local = true;
  for (const auto& text : {request.from, request.to}) {
    const auto end = question::find_end(desired.cluster, text, options.family);
    if (!end) return bad(text, end.error().text());
    if (end->pod != nullptr && !(*desired.local)->contains(end->pod->key)) is_local = false;
  }
  auto judge = question::TableJudge::open(desired.cluster, seen->in_force.table);
  if (!judge) return tl::unexpected(api::ApiError{500, "internal", judge.error().text(), ""});
  const auto explanation = is_local ? question::explain(desired.cluster, *judge, options)
                                    : question::explain(desired.cluster, options);
  if (!explanation) return bad("", explanation.error().text());
  return question::to_json(*explanation);
}

}  // namespace bulkhead::control::agent
