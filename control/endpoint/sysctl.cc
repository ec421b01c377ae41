// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "policy/base/fd.h"

namespace bulkhead::control::endpoint {
namespace {

std::string path_of(std::string_view name) { return fmt::format("/proc/sys/net/{}", name); }

}  // namespace

Result<std::string> read_sysctl(std::string_view name) {
  const Fd file(::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return fail("cannot read sysctl net/{}: {}", name, strerror(errno));
  std::array<char, 256> buffer;
  const auto size = ::read(file.value(), buffer.data(), buffer.size());
  if (size < 0) return fail("cannot read sysctl net/{}: {}", name, strerror(errno));
  std::string value(buffer.data(), static_cast<std::size_t>(size));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

Result<WriteOutcome> write_sysctl(std::string_view name, std::string_view value) {
  const Fd file(::open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == EROFS || errno == EACCES) return WriteOutcome::ReadOnly;
    if (errno == ENOENT) return WriteOutcome::Absent;
    return fail("cannot open sysctl net/{}: {}", name, strerror(errno));
  }
  if (::write(file.value(), value.data(), value.size()) < 0) {
    return fail("cannot set sysctl net/{} to {}: {}", name, value, strerror(errno));
  }
  return WriteOutcome::Written;
}

Status quiet_ipv6(const std::string& device) {
  struct Setting {
    const char* key;
    const char* value;
  };
  // disable_ipv6 last: container engines set it for new devices, and writing 0 starts IPv6, which
  // must find the other settings in place.
  constexpr std::array<Setting, 6> kSettings = {{{"addr_gen_mode", "1"},
                                                 {"accept_ra", "0"},
                                                 {"accept_dad", "0"},
                                                 {"dad_transmits", "0"},
                                                 {"router_solicitations", "0"},
                                                 {"disable_ipv6", "0"}}};
  for (const auto& [key, value] : kSettings) {
    const auto written = write_sysctl(fmt::format("ipv6/conf/{}/{}", device, key), value);
    if (!written) return tl::unexpected(written.error());
  }
  return {};
}

}  // namespace bulkhead::control::endpoint
