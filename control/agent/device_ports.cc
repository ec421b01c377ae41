// SPDX-License-Identifier: Apache-2.0
#include "control/agent/device_ports.h"

#include <algorithm>
#include <cstring>

#include "control/endpoint/registry.h"
#include "dataplane/api/validate.h"

namespace bulkhead::control::agent {
namespace {

namespace api = dataplane::api;

// The numbers between the host's ports and the first pod's.
constexpr std::uint32_t kFirstDevicePort = endpoint::kOutsidePort.value + 1;
static_assert(kFirstDevicePort + kMaxDevicePorts == endpoint::kFirstPodPort.value);
// Endpoint numbers of the registry count from 1; these are far from them.
constexpr std::uint32_t kEndpointBase = 0x8000'0000;

api::AttachPort message_of(const DevicePort& port, std::uint32_t number) {
  api::AttachPort message;
  message.port = number;
  message.endpoint = kEndpointBase + number;
  message.kind = api::PortKind::Ethdev;
  message.role = api::PortRole::Pod;
  message.mtu = static_cast<std::uint16_t>(port.mtu);
  std::copy(port.mac.begin(), port.mac.end(), message.mac);
  std::copy(endpoint::kGatewayMac.begin(), endpoint::kGatewayMac.end(), message.gateway_mac);
  const std::string device = port.devargs.substr(0, port.devargs.find(','));
  std::memcpy(message.name, device.data(), std::min(device.size(), sizeof message.name - 1));
  for (const auto& ip : port.ips) message.addresses[message.address_count++] = api::to_wire(ip);
  return message;
}

}  // namespace

DevicePorts::DevicePorts(const std::vector<DevicePort>& configured) {
  std::uint32_t number = kFirstDevicePort;
  for (const auto& port : configured) {
    state::AttachedPod pod;
    pod.pod = port.pod;
    pod.ips = port.ips;
    pod.port = PortId(number);
    ports_.push_back(
        {message_of(port, number), std::make_shared<const state::AttachedPod>(std::move(pod))});
    ++number;
  }
}

bool DevicePorts::adopt(const api::AttachPort& held) {
  for (auto& port : ports_) {
    if (port.message.port != held.port) continue;
    port.message.generation = held.generation;
    if (std::memcmp(&port.message, &held, sizeof held) == 0) return true;
    port.message.generation = 0;
  }
  return false;
}

void DevicePorts::forget() {
  for (auto& port : ports_) port.message.generation = 0;
}

Status DevicePorts::renew(const std::function<Result<std::uint32_t>()>& next_generation) {
  for (auto& port : ports_) {
    if (port.message.generation != 0) continue;
    const auto next = next_generation();
    if (!next) return tl::unexpected(next.error());
    port.message.generation = *next;
  }
  return {};
}

void DevicePorts::add_wishes(apply::PortWishes& wishes) const {
  for (const auto& port : ports_) {
    if (port.message.generation == 0) continue;
    apply::PortWish wish;
    wish.message = port.message;
    wishes.emplace(PortId(port.message.port), std::move(wish));
  }
}

void DevicePorts::add_pods(state::Attached& pods) const {
  for (const auto& port : ports_) pods.insert_or_assign(port.pod->port, port.pod);
}

std::optional<model::PodKey> DevicePorts::owner_of(const IpAddress& address) const {
  for (const auto& port : ports_) {
    const auto& ips = port.pod->ips;
    if (std::find(ips.begin(), ips.end(), address) != ips.end()) return port.pod->pod;
  }
  return {};
}

}  // namespace bulkhead::control::agent
