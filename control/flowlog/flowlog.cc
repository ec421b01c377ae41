// SPDX-License-Identifier: Apache-2.0
#include "control/flowlog/flowlog.h"

#include <algorithm>

namespace bulkhead::control::flowlog {
namespace {

constexpr const char* kOther = "(other)";

bool is_among(const std::vector<std::string>& namespaces, const FlowEnd& end) {
  return !end.pod_namespace.empty() &&
         std::ranges::find(namespaces, end.pod_namespace) != namespaces.end();
}

}  // namespace

bool Filter::passes(const FlowRecord& record) const {
  if (verdict && record.verdict != *verdict) return false;
  if (namespace_name && record.source.pod_namespace != *namespace_name &&
      record.destination.pod_namespace != *namespace_name) {
    return false;
  }
  return !visible || is_among(*visible, record.source) || is_among(*visible, record.destination);
}

std::vector<std::shared_ptr<const FlowRecord>> Subscription::take(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, wait, [&] { return closed_ || !queue_.empty(); });
  std::vector<std::shared_ptr<const FlowRecord>> taken(queue_.begin(), queue_.end());
  queue_.clear();
  return taken;
}

bool Subscription::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void Subscription::push(const std::shared_ptr<const FlowRecord>& record) {
  if (!filter_.passes(*record)) return;
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= kLimit) queue_.pop_front();
  queue_.push_back(record);
  arrived_.notify_one();
}

void Subscription::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  arrived_.notify_all();
}

FlowLog::FlowLog(const Names& names, FlowLogSettings settings)
    : names_(names),
      settings_(std::move(settings)),
      file_(settings_.file.empty()
                ? LogFile()
                : LogFile(settings_.file, settings_.rotate_bytes, settings_.rotated_files)) {}

FlowLog::~FlowLog() { close_subscriptions(); }

void FlowLog::add(const dataplane::api::Event& event) {
  const auto record = std::make_shared<const FlowRecord>(record_of(event, names_));
  const std::lock_guard lock(mutex_);
  file_.append(json_of(*record));
  recent_.push_back(record);
  if (recent_.size() > settings_.recent) recent_.pop_front();

  // What was denied or dropped was no flow's traffic.
  if (record->verdict == Verdict::Allow || event.kind == dataplane::api::EventKind::FlowCut) {
    std::pair pair{record->source.pod_namespace, record->destination.pod_namespace};
    if (traffic_.size() >= kSeriesLimit && !traffic_.contains(pair)) pair = {kOther, kOther};
    auto& account = traffic_[pair];
    account.packets += record->packets;
    account.bytes += record->bytes;
  }

  std::erase_if(subscriptions_, [&](const auto& weak) {
    const auto subscription = weak.lock();
    if (subscription) subscription->push(record);
    return !subscription;
  });
}

void FlowLog::flush() {
  const std::lock_guard lock(mutex_);
  file_.flush();
}

std::vector<std::shared_ptr<const FlowRecord>> FlowLog::recent(const Filter& filter) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const FlowRecord>> found;
  std::ranges::copy_if(recent_, std::back_inserter(found),
                       [&](const auto& record) { return filter.passes(*record); });
  return found;
}

std::shared_ptr<Subscription> FlowLog::subscribe(Filter filter) {
  auto subscription = std::make_shared<Subscription>();
  subscription->filter_ = std::move(filter);
  const std::lock_guard lock(mutex_);
  subscriptions_.push_back(subscription);
  return subscription;
}

void FlowLog::close_subscriptions() {
  const std::lock_guard lock(mutex_);
  for (const auto& weak : subscriptions_) {
    if (const auto subscription = weak.lock()) subscription->close();
  }
  subscriptions_.clear();
}

TrafficByNamespaces FlowLog::traffic() const {
  const std::lock_guard lock(mutex_);
  return traffic_;
}

std::uint64_t FlowLog::lost_lines() const {
  const std::lock_guard lock(mutex_);
  return file_.lost_lines();
}

}  // namespace bulkhead::control::flowlog
