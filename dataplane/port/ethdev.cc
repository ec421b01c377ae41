// SPDX-License-Identifier: Apache-2.0
#include "dataplane/port/ethdev.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/port/offload.h"
#include "dataplane/port/tap_frame.h"

namespace bulkhead::dataplane {
namespace {

constexpr std::uint16_t kDescriptors = 1024;

// The pipeline reads linear frames with a virtio-net header before them. The rest of a chain is
// cut off, and the parser then drops the frame as truncated.
void normalise(rte_mbuf* frame) {
  if (frame->nb_segs > 1) {
    rte_pktmbuf_free(frame->next);
    frame->next = nullptr;
    frame->nb_segs = 1;
    frame->pkt_len = frame->data_len;
  }
  std::memset(tap_bytes(frame), 0, kVnetHeaderBytes);
}

class EthdevQueue final : public PolledQueue {
 public:
  EthdevQueue(std::uint16_t device, std::uint16_t queue, bool has_receive)
      : device_(device), queue_(queue), has_receive_(has_receive) {}

  std::size_t receive(std::span<rte_mbuf*> buffers) override {
    if (!has_receive_) return 0;
    const auto count = rte_eth_rx_burst(device_, queue_, buffers.data(),
                                        static_cast<std::uint16_t>(buffers.size()));
    for (std::size_t i = 0; i < count; ++i) normalise(buffers[i]);
    return count;
  }

  void send(std::span<rte_mbuf* const> frames, PortId port, Ledger& ledger) override {
    std::array<rte_mbuf*, kBatchSize> burst;
    std::array<std::uint32_t, kBatchSize> bytes;
    while (!frames.empty()) {
      const std::size_t taken = std::min(frames.size(), kBatchSize);
      std::uint16_t count = 0;
      for (rte_mbuf* frame : frames.first(taken)) {
        if (const auto reason = complete_offloads(frame)) {
          ledger.dropped(port, *reason);
          rte_pktmbuf_free(frame);
          continue;
        }
        burst[count] = frame;
        bytes[count++] = frame->pkt_len;
      }
      const auto sent = rte_eth_tx_burst(device_, queue_, burst.data(), count);
      for (std::uint16_t i = 0; i < sent; ++i) ledger.sent(port, bytes[i]);
      for (std::uint16_t i = sent; i < count; ++i) {
        ledger.dropped(port, DropReason::PortFull);
        rte_pktmbuf_free(burst[i]);
      }
      frames = frames.subspan(taken);
    }
  }

 private:
  std::uint16_t device_;
  std::uint16_t queue_;
  bool has_receive_;
};

std::string device_name(const std::string& devargs) {
  const std::string name = devargs.substr(0, devargs.find(','));
  return name.starts_with("pci:") ? name.substr(4) : name;
}

Status start_queues(std::uint16_t id, std::uint16_t receive, std::uint16_t transmit,
                    rte_mempool* pool) {
  const rte_eth_conf configuration{};
  if (const int error = rte_eth_dev_configure(id, receive, transmit, &configuration); error != 0) {
    return fail("cannot configure it: {}", rte_strerror(-error));
  }
  std::uint16_t receive_descriptors = kDescriptors;
  std::uint16_t transmit_descriptors = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id, &receive_descriptors, &transmit_descriptors);
  for (std::uint16_t queue = 0; queue < receive; ++queue) {
    if (const int error =
            rte_eth_rx_queue_setup(id, queue, receive_descriptors, SOCKET_ID_ANY, nullptr, pool);
        error != 0) {
      return fail("receive queue {}: {}", queue, rte_strerror(-error));
    }
  }
  for (std::uint16_t queue = 0; queue < transmit; ++queue) {
    if (const int error =
            rte_eth_tx_queue_setup(id, queue, transmit_descriptors, SOCKET_ID_ANY, nullptr);
        error != 0) {
      return fail("transmit queue {}: {}", queue, rte_strerror(-error));
    }
  }
  if (const int error = rte_eth_dev_start(id); error != 0) {
    return fail("cannot start it: {}", rte_strerror(-error));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<EthdevPort>> EthdevPort::open(const std::string& devargs,
                                                     std::size_t workers, BufferPool& pool) {
  const std::string name = device_name(devargs);
  std::uint16_t id = 0;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) != 0) {
    return fail_at("port " + devargs, "DPDK made no device of this name");
  }
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(id, &info); error != 0) {
    return fail_at("port " + devargs, "cannot ask the device: {}", rte_strerror(-error));
  }
  if (info.max_tx_queues < workers) {
    return fail_at("port " + devargs,
                   "has {} transmit queues for {} workers; give it more queues or set workers: {}",
                   info.max_tx_queues, workers, info.max_tx_queues);
  }
  const auto transmit = static_cast<std::uint16_t>(workers);
  const auto receive = std::min(transmit, info.max_rx_queues);
  if (auto started = start_queues(id, receive, transmit, pool.pool()); !started) {
    return fail_at("port " + devargs, "{}", started.error().text());
  }
  rte_eth_promiscuous_enable(id);
  return std::unique_ptr<EthdevPort>(new EthdevPort(name, id, receive));
}

EthdevPort::~EthdevPort() {
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
}

std::unique_ptr<PolledQueue> EthdevPort::queue(std::size_t worker) const {
  const auto queue = static_cast<std::uint16_t>(worker);
  return std::make_unique<EthdevQueue>(id_, queue, queue < receive_queues_);
}

}  // namespace bulkhead::dataplane
