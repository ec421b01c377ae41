// SPDX-License-Identifier: Apache-2.0
// Cycles per packet of the pipeline without I/O: 64 byte UDP between pods, flows in random order,
// policy of both ends, counters and events on. Headers are in the cache, as they are right after a
// receiving copy. Usage: bench-fastpath [flows...], default 1000 100000 1000000.
#include <fmt/core.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "bench/fastpath/memory.h"
#include "dataplane/flow/ageing.h"
#include "dataplane/packet/checksum.h"
#include "dataplane/packet/parse.h"
#include "dataplane/publish/address_map.h"
#include "dataplane/stage/stages.h"
#include "dataplane/worker/pipeline.h"
#include "policy/base/protocol.h"
#include "policy/table/builder.h"

namespace bulkhead::bench {
namespace {

using namespace dataplane;

constexpr std::size_t kFrameBytes = 60;  // 64 with the checksum a wire adds
constexpr std::uint32_t kPods = 100;
constexpr std::uint32_t kFirstPort = 16;

struct Tuple {
  std::uint32_t source = 0;       // pod number
  std::uint32_t destination = 0;  // pod number
  std::uint16_t source_port = 0;
};

// The n-th of a set of distinct flows among the pods.
Tuple tuple_of(std::uint32_t n) {
  const std::uint32_t pair = n / 50'000;
  return {pair % kPods, (pair % kPods + 1 + pair / kPods) % kPods,
          static_cast<std::uint16_t>(10'000 + n % 50'000)};
}

MacAddress mac_of(std::uint32_t pod) {
  return {2, 0, 0, 0, static_cast<std::uint8_t>(pod >> 8), static_cast<std::uint8_t>(pod)};
}

IpAddress address_of(std::uint32_t pod, Family family) {
  const auto high = static_cast<std::uint8_t>(pod >> 8);
  const auto low = static_cast<std::uint8_t>(pod);
  if (family == Family::V4) return IpAddress::v4(10, 0, high, low);
  IpAddress ip{{}, Family::V6};
  ip.bytes[0] = 0xfd;
  ip.bytes[14] = high;
  ip.bytes[15] = low;
  return ip;
}

void check(bool holds, const char* what) {
  if (holds) return;
  fmt::print(stderr, "bench-fastpath: {}\n", what);
  std::exit(1);
}

// One burst's buffers, rewritten for each burst outside the timed part.
class Frames {
 public:
  Frames() : bytes_(kBatchSize * kStride), mbufs_(kBatchSize) {
    for (std::size_t i = 0; i < kBatchSize; ++i) {
      rte_mbuf& mbuf = mbufs_[i];
      mbuf.buf_addr = &bytes_[i * kStride];
      mbuf.data_off = 128;
      mbuf.nb_segs = 1;
    }
  }
  rte_mbuf* write(std::size_t i, const Tuple& tuple, Family family) {
    rte_mbuf& mbuf = mbufs_[i];
    const bool is_v4 = family == Family::V4;
    const std::size_t ip_bytes = is_v4 ? kIpv4Bytes : kIpv6Bytes;
    const std::size_t frame_bytes = std::max(kFrameBytes, kEthernetBytes + ip_bytes + kUdpBytes);
    mbuf.data_len = static_cast<std::uint16_t>(frame_bytes);
    mbuf.pkt_len = mbuf.data_len;
    std::uint8_t* frame = frame_of(&mbuf);
    std::memset(frame - kVnetHeaderBytes, 0, kVnetHeaderBytes + frame_bytes);
    store(frame, MacAddress{2, 0, 0, 0, 0xff, 0xff});
    store(frame + 6, mac_of(tuple.source));
    store16(frame + 12, is_v4 ? kEtherIpv4 : kEtherIpv6);
    std::uint8_t* ip = frame + kEthernetBytes;
    const auto l4_bytes = static_cast<std::uint16_t>(frame_bytes - kEthernetBytes - ip_bytes);
    const IpAddress source = address_of(tuple.source, family);
    const IpAddress destination = address_of(tuple.destination, family);
    if (is_v4) {
      ip[0] = 0x45;
      store16(ip + 2, static_cast<std::uint16_t>(ip_bytes + l4_bytes));
      ip[8] = 64;
      ip[9] = kUdp;
      std::memcpy(ip + 12, source.bytes.data(), 4);
      std::memcpy(ip + 16, destination.bytes.data(), 4);
      store(ip + 10, checksum({ip, kIpv4Bytes}));
    } else {
      ip[0] = 0x60;
      store16(ip + 4, l4_bytes);
      ip[6] = kUdp;
      ip[7] = 64;
      std::memcpy(ip + 8, source.bytes.data(), 16);
      std::memcpy(ip + 24, destination.bytes.data(), 16);
    }
    store16(ip + ip_bytes, tuple.source_port);
    store16(ip + ip_bytes + 2, 53);
    store16(ip + ip_bytes + 4, l4_bytes);
    return &mbuf;
  }

 private:
  static constexpr std::size_t kStride = 2048 + 192;  // no power of two: heads spread over sets
  std::vector<std::uint8_t> bytes_;
  std::vector<rte_mbuf> mbufs_;
};

// A node where every pod may speak to every other by UDP/53.
class Node {
 public:
  explicit Node(std::uint64_t max_flows) : addresses_(4096) {
    bytes_ = FlowTable::bytes_needed(max_flows);
    void* memory = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(memory != MAP_FAILED, "no memory for the flow table");
    madvise(memory, bytes_, MADV_HUGEPAGE);
    std::memset(memory, 0, bytes_);  // the kernel's clearing of pages is no part of a new flow
    memory_ = static_cast<std::byte*>(memory);
    FlowTableConfig config;
    config.max_flows = max_flows;
    config.key = random_hash_key();
    config.steering = random_hash_key();
    config.now = now;
    config.limits = {max_flows, max_flows, max_flows, 1000};
    flows = std::make_unique<FlowTable>(FlowTable::open({memory_, bytes_}, config).value());
    events_ = std::make_unique<EventWriter>(&*ring_, config.steering);
    build_policy();
    snapshot.addresses = &addresses_;
    snapshot.endpoints.resize(kFirstPort + kPods);
    for (std::uint32_t pod = 0; pod < kPods; ++pod) add_pod(pod);
  }
  ~Node() { munmap(memory_, bytes_); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  StageContext context() {
    return {snapshot,  addresses_.epoch(),    now,       *flows,    fragments_, *events_, replies_,
            *decided_, {counters_.get(), 64}, rechecks_, steering_, 0,          1};
  }
  void drain_events() { ring_->tail.store(ring_->head.load()); }
  void age() {
    const Ageing::Expired expired = Ageing::slice(*flows, now);
    for (std::size_t n = 0; n < expired.count; ++n) {
      events_->flow_closed((*flows)[expired.slot[n]], snapshot.revision, now);
      flows->erase(expired.slot[n]);
    }
  }

  Snapshot snapshot;
  Now now{1'000'000'000'000, 0};
  std::unique_ptr<FlowTable> flows;

 private:
  void build_policy() {
    using namespace table;
    TableBuilder builder;
    const auto yes = builder.decision({.slot = 7, .verdict = 1, .staged_verdict = 1});
    const auto dns = builder.rule_set({{kLineUdp + 52, 0}, {kLineUdp + 53, yes}, {kLineEnd, 0}});
    const std::array cells = {TableBuilder::Cell{1, dns}};
    for (const Direction direction : kDirections) {
      builder.set_peer(IdentityId{16}, direction, 1);
      builder.set_subject(IdentityId{16}, direction, builder.add_row(direction, 0, cells));
    }
    sections_ = builder.finish(Revision{1}).value();
    snapshot.table = std::make_shared<const TableView>(TableView::open(borrow(sections_)).value());
    snapshot.revision = Revision{1};
  }
  void add_pod(std::uint32_t pod) {
    auto endpoint = std::make_shared<Endpoint>();
    endpoint->port = PortId{kFirstPort + pod};
    endpoint->mtu = 1500;
    endpoint->mac = mac_of(pod);
    endpoint->gateway_mac = {2, 0, 0, 0, 0xff, 0xff};
    endpoint->address_count = 2;
    endpoint->addresses[0] = address_of(pod, Family::V4);
    endpoint->addresses[1] = address_of(pod, Family::V6);
    for (std::size_t a = 0; a < 2; ++a) {
      check(
          addresses_.upsert(endpoint->addresses[a], {IdentityId{16}, endpoint->port, false, true}),
          "the address map is full");
    }
    snapshot.endpoints[endpoint->port.value] = endpoint;
  }

  std::size_t bytes_ = 0;
  std::byte* memory_ = nullptr;
  AddressMap addresses_;
  std::vector<table::Section> sections_;
  std::unique_ptr<api::EventRing> ring_ = std::make_unique<api::EventRing>();
  std::unique_ptr<EventWriter> events_;
  std::unique_ptr<Decisions> decided_ = std::make_unique<Decisions>();
  std::unique_ptr<api::Counter[]> counters_ = std::make_unique<api::Counter[]>(64);
  FragmentCache fragments_{1};
  Replies replies_{nullptr};
  HashKey steering_{1, 2, 3, 4};
  std::uint64_t rechecks_ = 0;
};

constexpr std::array kStageNames = {"parse",  "bind",    "track", "classify",
                                    "commit", "forward", "ageing"};
using StageCycles = std::array<std::uint64_t, kStageNames.size()>;

std::uint64_t total(const StageCycles& cycles) {
  return std::accumulate(cycles.begin(), cycles.end(), std::uint64_t{0});
}

// The mean burst without the slowest 2 %: those are the ones the scheduler or the hypervisor
// interrupted, and a burst is far shorter than a time slice.
class Bursts {
 public:
  void add(const StageCycles& cycles) { bursts_.push_back(cycles); }
  [[nodiscard]] std::array<double, kStageNames.size()> per_packet() {
    std::ranges::sort(bursts_, {}, total);
    const std::size_t kept = bursts_.size() - bursts_.size() / 50;
    std::array<double, kStageNames.size()> mean{};
    for (std::size_t n = 0; n < kept; ++n) {
      for (std::size_t stage = 0; stage < mean.size(); ++stage) {
        mean[stage] += static_cast<double>(bursts_[n][stage]);
      }
    }
    for (double& each : mean) each /= static_cast<double>(kept * kBatchSize);
    return mean;
  }

 private:
  std::vector<StageCycles> bursts_;
};

// One burst through all stages, each timed. Returns how many were forwarded.
enum class Ages : bool { No, Yes };
std::size_t run(Node& node, Batch& batch, Bursts& bursts, Ages ages = Ages::No) {
  StageCycles cycles{};
  StageContext context = node.context();
  batch.start();
  batch.datagram.fill(FragmentCache::kNone);
  std::uint64_t at = __rdtsc();
  const auto stamp = [&](std::size_t stage) {
    const std::uint64_t now = __rdtsc();
    cycles[stage] = now - at;
    at = now;
  };
  parse(batch);
  stamp(0);
  bind(batch, context);
  stamp(1);
  track(batch, context);
  translate(batch, context);
  stamp(2);
  classify(batch, context);
  stamp(3);
  commit(batch, context);
  stamp(4);
  forward(batch, context);
  context.events.publish();
  stamp(5);
  if (ages == Ages::Yes) {
    node.age();
    stamp(6);
  }
  bursts.add(cycles);
  return static_cast<std::size_t>(
      std::count(batch.fate.begin(), batch.fate.begin() + batch.size, Fate::Forward));
}

void fill(Batch& batch, Frames& frames, std::span<const std::uint32_t> flows, Family family) {
  batch.size = static_cast<std::uint16_t>(flows.size());
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const Tuple tuple = tuple_of(flows[i]);
    batch.mbuf[i] = frames.write(i, tuple, family);
    batch.in_port[i] = PortId{kFirstPort + tuple.source};
  }
}

double print(const char* what, std::size_t flows, Family family, Bursts& bursts) {
  double sum = 0;
  std::string stages;
  const auto each = bursts.per_packet();
  for (std::size_t stage = 0; stage < each.size(); ++stage) {
    sum += each[stage];
    stages += fmt::format(" {} {:5.1f}", kStageNames[stage], each[stage]);
  }
  fmt::print("{:<11} {:>8} flows {}: {:6.1f} cycles/packet ({} )\n", what, flows, name_of(family),
             sum, stages);
  return sum;
}

// Opens a burst's worth of flows at a time, in the given order.
void open_flows(Node& node, Batch& batch, Frames& frames, std::span<const std::uint32_t> order,
                Family family, Bursts& fresh) {
  for (std::size_t at = 0; at + kBatchSize <= order.size(); at += kBatchSize) {
    fill(batch, frames, order.subspan(at, kBatchSize), family);
    check(run(node, batch, fresh) == kBatchSize, "a first packet was not forwarded");
    node.drain_events();
  }
}

// Opens `count` flows and then sends packets of them in random order.
void measure(std::size_t count, Family family, double tsc_ghz) {
  Node node(std::max<std::uint64_t>(count * 5 / 4, 4096));
  Frames frames;
  auto batch = std::make_unique<Batch>();
  std::vector<std::uint32_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
  std::mt19937 random(7);
  std::shuffle(order.begin(), order.end(), random);

  Bursts fresh;
  open_flows(node, *batch, frames, order, family, fresh);
  // A small table is open within a few bursts, the first of which runs cold code: open more.
  for (std::size_t done = count; done < 50'000; done += count) {
    Node another(std::max<std::uint64_t>(count * 5 / 4, 4096));
    open_flows(another, *batch, frames, order, family, fresh);
  }
  const std::size_t opened = count / kBatchSize * kBatchSize;

  const std::size_t packets = std::max<std::size_t>(2 * count, 1 << 20) / kBatchSize * kBatchSize;
  Bursts established;
  std::array<std::uint32_t, kBatchSize> chosen;
  for (std::size_t done = 0; done < packets; done += kBatchSize) {
    for (std::uint32_t& flow : chosen) flow = order[random() % opened];
    fill(*batch, frames, chosen, family);
    check(run(node, *batch, established) == kBatchSize, "a packet was not forwarded");
    node.drain_events();
  }
  print("established", count, family, established);
  const double first = print("new", count, family, fresh);
  fmt::print("            {:.1f} M new flows/s\n", tsc_ghz * 1000 / first);
}

// New flows for ever, each expiring unanswered: the clock runs so fast that about 100,000 live.
void measure_churn(double tsc_ghz) {
  constexpr std::uint64_t kAlive = 100'000;
  constexpr std::uint64_t kFlows = 2'000'000;
  Node node(kAlive * 2);
  Frames frames;
  auto batch = std::make_unique<Batch>();
  Bursts bursts;
  std::size_t forwarded = 0;
  std::array<std::uint32_t, kBatchSize> chosen;
  for (std::uint64_t sent = 0; sent < kFlows; sent += kBatchSize) {
    for (std::size_t i = 0; i < kBatchSize; ++i) {
      chosen[i] = static_cast<std::uint32_t>(sent + i);
    }
    fill(*batch, frames, chosen, Family::V4);
    // 30 s pass while kAlive flows open.
    node.now.monotonic_ns += 30'000'000'000 / kAlive * kBatchSize;
    forwarded += run(node, *batch, bursts, Ages::Yes);
    node.drain_events();
  }
  const double each = print("new+expiry", node.flows->size(), Family::V4, bursts);
  fmt::print("            {:.1f} M new flows/s sustained, {:.1f}% forwarded\n",
             tsc_ghz * 1000 / each, 100.0 * static_cast<double>(forwarded) / kFlows);
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
  using namespace bulkhead;
  const bench::MemoryFigures memory = bench::measure_memory();
  fmt::print("machine: TSC {:.2f} GHz, dependent miss {:.0f} cycles, prefetched batch {:.0f}\n",
             memory.tsc_ghz, memory.dependent_miss, memory.prefetched_miss);
  fmt::print("memory of 4M flows: {:.0f} MB\n",
             static_cast<double>(dataplane::FlowTable::bytes_needed(4'000'000)) / 1e6);
  std::vector<std::size_t> sizes = {1000, 100'000, 1'000'000};
  if (argc > 1) sizes.clear();
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoul(argv[i], nullptr, 10));
  for (const std::size_t count : sizes) {
    bench::measure(count, Family::V4, memory.tsc_ghz);
    bench::measure(count, Family::V6, memory.tsc_ghz);
  }
  bench::measure_churn(memory.tsc_ghz);
  return 0;
}
