// SPDX-License-Identifier: Apache-2.0
#include "control/agent/endpoints.h"

#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

#include "dataplane/api/validate.h"

namespace bulkhead::control::agent {
namespace {

namespace api = dataplane::api;

void set_name(api::AttachPort& message, const std::string& name) {
  const auto length = std::min(name.size(), sizeof message.name - 1);
  std::memcpy(message.name, name.data(), length);
}

std::vector<int> numbers_of(const std::vector<Fd>& queues) {
  std::vector<int> fds;
  for (const auto& queue : queues) fds.push_back(queue.value());
  return fds;
}

state::AttachedPod attached_pod(const endpoint::EndpointRecord& record) {
  state::AttachedPod pod;
  pod.pod = pod_of(record);
  pod.uid = record.attachment.pod_uid;
  pod.labels.insert(record.attachment.labels.begin(), record.attachment.labels.end());
  pod.ips = record.ips();
  pod.port = record.port;
  return pod;
}

api::AttachPort message_of(const endpoint::EndpointRecord& record) {
  api::AttachPort message;
  message.port = record.port.value;
  message.endpoint = record.id.value;
  message.generation = record.generation;
  message.role = api::PortRole::Pod;
  message.mtu = static_cast<std::uint16_t>(record.mtu);
  std::copy(record.mac.begin(), record.mac.end(), message.mac);
  std::copy(endpoint::kGatewayMac.begin(), endpoint::kGatewayMac.end(), message.gateway_mac);
  message.netns_inode = record.netns_inode;
  set_name(message, record.attachment.ifname);
  for (const auto& ip : record.ips()) {
    if (message.address_count == api::kMaxAddressesPerPort) break;
    message.addresses[message.address_count++] = api::to_wire(ip);
  }
  return message;
}

}  // namespace

model::PodKey pod_of(const endpoint::EndpointRecord& record) {
  return {record.attachment.pod_namespace, record.attachment.pod_name};
}

Endpoint::Endpoint(endpoint::EndpointRecord its_record) { set(std::move(its_record)); }

void Endpoint::set(endpoint::EndpointRecord record) {
  record_ = std::make_shared<const endpoint::EndpointRecord>(std::move(record));
  attached_ = std::make_shared<const state::AttachedPod>(attached_pod(*record_));
  message_ = message_of(*record_);
}

apply::PortWish Endpoint::wish() const { return {message_, numbers_of(queues)}; }

apply::PortWish host_port_wish(PortId port, api::PortRole role, const std::string& name,
                               const endpoint::MacAddress& mac, const std::vector<Fd>& queues,
                               std::uint32_t mtu, std::uint32_t generation) {
  apply::PortWish wish;
  wish.message.port = port.value;
  wish.message.generation = generation;
  wish.message.role = role;
  wish.message.mtu = static_cast<std::uint16_t>(mtu);
  std::copy(mac.begin(), mac.end(), wish.message.mac);
  std::copy(endpoint::kGatewayMac.begin(), endpoint::kGatewayMac.end(), wish.message.gateway_mac);
  set_name(wish.message, name);
  wish.fds = numbers_of(queues);
  return wish;
}

bool is_queue_of(const Fd& queue, const std::string& device) {
  ifreq request{};
  if (::ioctl(queue.value(), TUNGETIFF, &request) != 0) return false;
  return device == request.ifr_name && (request.ifr_flags & IFF_TAP) != 0;
}

}  // namespace bulkhead::control::agent
