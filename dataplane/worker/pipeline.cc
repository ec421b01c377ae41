// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker/pipeline.h"

#include <array>

#include "dataplane/flow/ageing.h"
#include "dataplane/packet/fragments.h"
#include "dataplane/packet/parse.h"
#include "dataplane/stage/stages.h"

namespace bulkhead::dataplane {
namespace {

// Policy's refusals are reported where the identities are known, cuts with the flow's account.
bool is_reported(DropReason reason) {
  switch (reason) {
    case DropReason::DeniedEgress:
    case DropReason::DeniedIngress:
    case DropReason::UnknownPeer:
    case DropReason::EstablishedCut:
      return true;
    default:
      return false;
  }
}

}  // namespace

struct Pipeline::Impl {
  explicit Impl(const PipelineConfig& given)
      : config(given),
        fragments(given.steering_key[2]),
        events(given.events, given.steering_key),
        replies(given.buffers) {}

  [[nodiscard]] StageContext context(const Snapshot& snapshot, Epoch epoch, Now now) {
    return {snapshot,
            epoch,
            now,
            *config.flows,
            fragments,
            events,
            replies,
            decisions,
            config.decisions,
            config.counters->epoch_rechecks,
            config.steering_key,
            config.worker,
            config.workers};
  }

  // The order of stages. The batch is started; packets settled already stay so.
  void run_stages(Batch& batch, StageContext& context) {
    batch.datagram.fill(FragmentCache::kNone);
    parse(batch);
    bind(batch, context);
    track(batch, context);
    translate(batch, context);
    classify(batch, context);
    commit(batch, context);
    forward(batch, context);
    finish(batch, context);
  }

  void finish(Batch& batch, StageContext& context) {
    for (std::size_t i = 0; i < batch.size; ++i) {
      if (batch.datagram[i] != FragmentCache::kNone) {
        const bool is_forwarded = batch.fate[i] == Fate::Forward;
        if (batch.info[i].fragment == FragmentKind::First) {
          fragments.decide(batch.datagram[i], is_forwarded);
        } else {
          fragments.followed(batch.datagram[i], is_forwarded);
        }
      }
      if (batch.fate[i] == Fate::Drop && !is_reported(batch.reason[i])) {
        EventWriter::Refusal refusal;
        refusal.key = &batch.key[i];
        refusal.reason = batch.reason[i];
        refusal.revision = context.snapshot.revision;
        refusal.in_port = batch.in_port[i];
        refusal.bytes = batch.info[i].l3_bytes;
        events.refused(refusal, context.now);
      }
    }
    events.publish();
    config.counters->events_lost = events.lost();
  }

  PipelineConfig config;
  FragmentCache fragments;
  EventWriter events;
  Replies replies;
  Decisions decisions;
};

Pipeline::Pipeline(const PipelineConfig& config) : impl_(std::make_unique<Impl>(config)) {}
Pipeline::~Pipeline() = default;

void Pipeline::run(Batch& batch, const Snapshot& snapshot, Epoch epoch, Now now) {
  if (batch.size == 0) return;
  batch.is_released = false;
  batch.start();
  StageContext context = impl_->context(snapshot, epoch, now);
  impl_->run_stages(batch, context);
}

std::size_t Pipeline::release_held(Batch& batch, const Snapshot& snapshot, Epoch epoch, Now now) {
  std::array<FragmentCache::Released, kBatchSize> released;
  const std::size_t count = impl_->fragments.release(released);
  if (count == 0) return 0;
  batch.size = static_cast<std::uint16_t>(count);
  batch.is_released = true;
  batch.handed_over.fill(false);
  batch.start();
  for (std::size_t i = 0; i < count; ++i) {
    batch.mbuf[i] = released[i].mbuf;
    batch.in_port[i] = released[i].in_port;
    if (released[i].reason == DropReason::None) continue;
    batch.key[i] = FlowKey{};
    batch.info[i] = PacketInfo{};
    batch.drop(i, released[i].reason);
  }
  StageContext context = impl_->context(snapshot, epoch, now);
  impl_->run_stages(batch, context);
  return count;
}

void Pipeline::tick(const Snapshot& snapshot, Now now) {
  FlowTable& flows = *impl_->config.flows;
  const Ageing::Expired expired = Ageing::slice(flows, now);
  for (std::size_t n = 0; n < expired.count; ++n) {
    impl_->events.flow_closed(flows[expired.slot[n]], snapshot.revision, now);
    flows.erase(expired.slot[n]);
  }
  impl_->fragments.expire(now.monotonic_ns);
  impl_->events.publish();
  WorkerCounters& counters = *impl_->config.counters;
  counters.events_lost = impl_->events.lost();
  counters.flows_tcp = flows.count_tcp();
  counters.flows_udp = flows.count_udp();
  counters.flows_sctp = flows.count_sctp();
  counters.flows_icmp = flows.count_icmp();
  counters.flow_capacity = flows.capacity();
}

bool Pipeline::is_quiet() const {
  return impl_->config.flows->size() == 0 && impl_->fragments.is_empty();
}

Outbox& Pipeline::outbox() { return impl_->replies.outbox(); }

bool Pipeline::take_wakeup() { return impl_->events.take_wakeup(); }

}  // namespace bulkhead::dataplane
