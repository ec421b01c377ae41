// SPDX-License-Identifier: Apache-2.0
#include "dataplane/process.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "dataplane/api/messages.h"
#include "dataplane/api/server/log.h"

namespace bulkhead::dataplane {
namespace {

std::string system_reason() { return std::strerror(errno); }

Result<Mapping> private_memory(std::size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail("cannot map {} bytes: {}", size, system_reason());
  return Mapping(memory, size);
}

}  // namespace

Result<Fd> lock_root(const std::filesystem::path& lock) {
  std::error_code error;
  std::filesystem::create_directories(lock.parent_path(), error);
  if (error) return fail_at(lock.parent_path(), "cannot make this folder: {}", error.message());
  Fd file(open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open()) return fail_at(lock, "cannot open: {}", system_reason());
  if (flock(file.value(), LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 32> holder{};
    const ssize_t length = pread(file.value(), holder.data(), holder.size() - 1, 0);
    return fail_at(lock,
                   "another bulkhead-dataplane (process {}) runs on this root; stop it or give "
                   "this one its own --root",
                   length > 0 ? std::string(holder.data()) : "unknown");
  }
  // The number only helps whoever is refused; a full disk is no reason not to enforce.
  const std::string pid = std::to_string(getpid());
  if (ftruncate(file.value(), 0) != 0 || pwrite(file.value(), pid.data(), pid.size(), 0) < 0) {
    log_warning("{}: cannot write: {}", lock.native(), system_reason());
  }
  return file;
}

Result<Mapping> map_flows(const std::filesystem::path& path, std::size_t size) {
  const Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return fail_at(path, "cannot open: {}", system_reason());
  struct stat status {};
  if (fstat(file.value(), &status) != 0) return fail_at(path, "cannot stat: {}", system_reason());
  if (!S_ISREG(status.st_mode) || status.st_uid != geteuid()) {
    return fail_at(path, "is not a file of ours; remove it");
  }
  if (fchmod(file.value(), 0600) != 0) return fail_at(path, "chmod: {}", system_reason());
  if (status.st_size != static_cast<off_t>(size) &&
      (ftruncate(file.value(), 0) != 0 || ftruncate(file.value(), static_cast<off_t>(size)) != 0)) {
    return fail_at(path, "cannot size it to {} bytes: {}", size, system_reason());
  }
  // All of it now: on a file system that is full later, the first touch of a page would end us.
  if (fallocate(file.value(), 0, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP) {
    log_warning("{}: cannot reserve {} bytes: {}; connections will not survive a restart",
                path.native(), size, system_reason());
    // Gives back what was reserved; nobody will keep up to date what the file says.
    if (ftruncate(file.value(), 0) != 0) return fail_at(path, "cannot empty: {}", system_reason());
    return private_memory(size);
  }
  auto mapping = Mapping::of(file.value(), size, PROT_READ | PROT_WRITE);
  if (!mapping) return fail_at(path, "{}", mapping.error().text());
  return mapping;
}

Result<Fd> take_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  // A reader of the log that goes away must not end the fast path.
  if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) return fail("cannot ignore SIGPIPE");
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return fail("cannot block signals");
  Fd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return fail("signalfd: {}", system_reason());
  return fd;
}

Status raise_descriptor_limit() {
  constexpr rlim_t kLeast = api::kMaxPorts;  // io_uring's table of ports is bounded by it
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kLeast) return {};
  return fail(
      "only {} files may be open (RLIMIT_NOFILE), at least {} are needed; set LimitNOFILE=65536 in "
      "the unit, or ulimit -n 65536",
      limit.rlim_max, kLeast);
}

Status drop_capabilities() {
  if (geteuid() == 0) {
    capng_clear(CAPNG_SELECT_BOTH);
    if (const int error = capng_apply(CAPNG_SELECT_BOTH); error != 0) {
      // A process that may not change its bounding set can still give up what it holds.
      capng_clear(CAPNG_SELECT_CAPS);
      if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
        return fail("cannot give up capabilities (capng_apply: {})", error);
      }
    }
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail("no_new_privs: {}", system_reason());
  return {};
}

}  // namespace bulkhead::dataplane
