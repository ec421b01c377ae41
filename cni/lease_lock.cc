// SPDX-License-Identifier: Apache-2.0
#include "cni/lease_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>

namespace bulkhead::cni {

LeaseLock::LeaseLock(const Request& request)
    : file_(::open((request.socket.parent_path() / "cni.lock").c_str(),
                   O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {}

bool LeaseLock::hold_alone(std::chrono::milliseconds patience) const {
  return take(LOCK_EX, patience);
}

bool LeaseLock::share(std::chrono::milliseconds patience) const { return take(LOCK_SH, patience); }

// flock has no deadline of its own.
bool LeaseLock::take(int operation, std::chrono::milliseconds patience) const {
  constexpr std::chrono::milliseconds kBetweenTries{20};
  if (!file_.is_open()) return true;
  while (::flock(file_.value(), operation | LOCK_NB) != 0) {
    if (patience <= std::chrono::milliseconds{0}) return false;
    ::poll(nullptr, 0, static_cast<int>(kBetweenTries.count()));
    patience -= kBetweenTries;
  }
  return true;
}

}  // namespace bulkhead::cni
