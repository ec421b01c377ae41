// SPDX-License-Identifier: Apache-2.0
#include "control/config/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

// The agent's configuration, read from a file in memory: never a crash, and an error says where.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("config.yaml", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (file < 0 || ::ftruncate(file, 0) != 0 ||
      ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  const auto config = bulkhead::control::load_config(path);
  if (!config && (config.error().message.empty() || config.error().where.empty())) std::abort();
  if (config) (void)config->settings();
  return 0;
}
