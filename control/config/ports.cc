// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <set>

#include "control/config/fields.h"

namespace bulkhead::control::config {
namespace {

constexpr std::size_t kLongestDevargs = 255;

// "02:00:00:00:00:01", of one station.
std::optional<std::array<std::uint8_t, 6>> mac_of(std::string_view text) {
  constexpr std::size_t kLength = 17;
  std::array<std::uint8_t, 6> mac{};
  if (text.size() != kLength) return {};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const char* const begin = text.data() + 3 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, mac[i], 16);
    if (error != std::errc() || end != begin + 2) return {};
    if (i + 1 < mac.size() && *end != ':') return {};
  }
  const bool is_one_station = (mac[0] & 1) == 0 && mac != std::array<std::uint8_t, 6>{};
  return is_one_station ? std::optional(mac) : std::nullopt;
}

bool is_devargs(std::string_view text) {
  return !text.empty() && text.size() <= kLongestDevargs && text.front() != ',' &&
         text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// `namespace/name`, each of the letters that Kubernetes allows.
std::optional<model::PodKey> pod_of(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  const auto is_name = [](std::string_view name) {
    return !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
           std::all_of(name.begin(), name.end(), [](char c) {
             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
           });
  };
  if (!is_name(text.substr(0, slash)) || !is_name(text.substr(slash + 1))) return {};
  return model::PodKey{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

void read_port(Report& report, const Node& node, const Path& path, std::vector<DevicePort>& ports) {
  if (!parse::check_fields(report, node, path, {"devargs", "pod", "mac", "ips", "mtu"})) return;
  for (const auto* field : {"devargs", "pod", "mac", "ips"}) {
    if (node.find(field) != nullptr) continue;
    report.required(node, path.field(field), "devargs, pod, mac and ips say who is at the device");
    return;
  }
  DevicePort port;
  std::string pod;
  std::string mac;
  read_text(report, *node.find("devargs"), path.field("devargs"), port.devargs);
  read_text(report, *node.find("pod"), path.field("pod"), pod);
  read_text(report, *node.find("mac"), path.field("mac"), mac);
  read_addresses(report, *node.find("ips"), path.field("ips"), port.ips);
  if (!is_devargs(port.devargs)) {
    report.invalid(*node.find("devargs"), path.field("devargs"),
                   fmt::format("must be 1 to {} printable characters without blanks, such as "
                               "net_memif0,role=server,socket=/run/x.sock",
                               kLongestDevargs));
  }
  const auto key = pod_of(pod);
  if (key) {
    port.pod = *key;
  } else {
    report.invalid(*node.find("pod"), path.field("pod"), "must be namespace/name");
  }
  const auto address = mac_of(mac);
  if (address) {
    port.mac = *address;
  } else {
    report.invalid(*node.find("mac"), path.field("mac"),
                   "must be the address of one station, such as 02:00:00:00:00:01");
  }
  constexpr std::size_t kMostAddresses = 8;
  if (port.ips.empty() || port.ips.size() > kMostAddresses) {
    report.invalid(*node.find("ips"), path.field("ips"),
                   fmt::format("must be 1 to {} addresses", kMostAddresses));
  }
  if (const Node* mtu = node.find("mtu")) {
    // The buffers of devices hold one frame of this size (dataplane/port/pool.h).
    const auto bytes = read_number(report, *mtu, path.field("mtu"), 1280, 1500);
    port.mtu = static_cast<std::uint32_t>(bytes.value_or(port.mtu));
  }
  ports.push_back(std::move(port));
}

}  // namespace

void read_ports(Report& report, const Node& node, const Path& path,
                std::vector<DevicePort>& ports) {
  if (!parse::check_list(report, node, path)) return;
  ports.clear();
  if (node.items.size() > kMaxDevicePorts) {
    report.invalid(node, path, fmt::format("at most {} devices", kMaxDevicePorts));
    return;
  }
  std::set<std::string> devices;
  std::set<IpAddress> addresses;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::size_t before = ports.size();
    read_port(report, node.items[i], path.item(i), ports);
    if (ports.size() == before) continue;
    const auto& port = ports.back();
    if (!devices.insert(port.devargs.substr(0, port.devargs.find(','))).second) {
      report.invalid(node.items[i], path.item(i), "names a device a second time");
    }
    for (const auto& ip : port.ips) {
      if (addresses.insert(ip).second) continue;
      report.invalid(node.items[i], path.item(i),
                     fmt::format("{} belongs to another port already", ip.text()));
    }
  }
}

}  // namespace bulkhead::control::config
