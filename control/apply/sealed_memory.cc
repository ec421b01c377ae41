// SPDX-License-Identifier: Apache-2.0
#include "control/apply/sealed_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace bulkhead::control::apply {

Result<Fd> sealed_memory(const char* name, std::span<const std::byte> bytes) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.is_open()) return fail("memfd_create: {}", std::strerror(errno));
  while (!bytes.empty()) {
    const ssize_t length = ::write(fd.value(), bytes.data(), bytes.size());
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return fail("cannot fill a memfd: {}", std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(length));
  }
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(fd.value(), F_ADD_SEALS, kSeals) != 0) {
    return fail("cannot seal a memfd: {}", std::strerror(errno));
  }
  return fd;
}

Result<std::shared_ptr<void>> map_shared(const Fd& fd, std::size_t size, Access access) {
  struct stat status {};
  if (::fstat(fd.value(), &status) != 0) return fail("fstat: {}", std::strerror(errno));
  if (static_cast<std::size_t>(status.st_size) < size) {
    return fail("the shared memory has {} bytes, {} are needed", status.st_size, size);
  }
  const int protection = access == Access::Read ? PROT_READ : PROT_READ | PROT_WRITE;
  void* const memory = ::mmap(nullptr, size, protection, MAP_SHARED, fd.value(), 0);
  if (memory == MAP_FAILED) return fail("mmap: {}", std::strerror(errno));
  return std::shared_ptr<void>(memory, [size](void* mapped) { ::munmap(mapped, size); });
}

}  // namespace bulkhead::control::apply
