// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/port/port.h"

namespace bulkhead::dataplane {

// Any DPDK driver's device, configured by devargs at start and used without offloads. One transmit
// queue a worker; receive queues for as many workers as the device has.
class EthdevPort {
 public:
  // `devargs` was given to EAL (eal.h); the part before the first comma is the device's name.
  // Control thread, before the workers run.
  [[nodiscard]] static Result<std::unique_ptr<EthdevPort>> open(const std::string& devargs,
                                                                std::size_t workers,
                                                                BufferPool& pool);
  ~EthdevPort();
  EthdevPort(const EthdevPort&) = delete;
  EthdevPort& operator=(const EthdevPort&) = delete;

  // What the agent calls it in AttachPort::name.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::unique_ptr<PolledQueue> queue(std::size_t worker) const;

 private:
  EthdevPort(std::string name, std::uint16_t id, std::uint16_t receive_queues)
      : name_(std::move(name)), id_(id), receive_queues_(receive_queues) {}
  std::string name_;
  std::uint16_t id_;
  std::uint16_t receive_queues_;
};

}  // namespace bulkhead::dataplane
