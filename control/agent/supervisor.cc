// SPDX-License-Identifier: Apache-2.0
#include "control/agent/supervisor.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "policy/base/fd.h"

namespace bulkhead::control::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 50ms;     // how often the child is looked at
constexpr auto kShortLife = 1s;  // a child that ended sooner is not started at once again
constexpr auto kAfterShortLife = 1s;

}  // namespace

Supervisor::Supervisor(std::filesystem::path program, std::vector<std::string> flags,
                       std::filesystem::path socket, Log& log)
    : program_(std::move(program)),
      flags_(std::move(flags)),
      socket_(std::move(socket)),
      log_(log),
      thread_([this] { run(); }) {}

Supervisor::~Supervisor() {
  stops_ = true;
  thread_.join();
}

bool Supervisor::is_running_elsewhere() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.native().size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, socket_.c_str(), socket_.native().size());
  const Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  return ::connect(fd.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

pid_t Supervisor::start() {
  std::vector<char*> arguments = {const_cast<char*>(program_.c_str())};
  for (const auto& flag : flags_) arguments.push_back(const_cast<char*>(flag.c_str()));
  arguments.push_back(nullptr);

  // A session of its own and no blocked signals: what ends the agent must not end the fast path.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, program_.c_str(), nullptr, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  if (error == 0) {
    log_.info("started the data plane", {{"pid", std::to_string(pid)}});
    return pid;
  }
  log_.error("cannot start the data plane",
             {{"program", program_.native()}, {"error", std::strerror(error)}});
  return -1;
}

void Supervisor::run() {
  using Clock = std::chrono::steady_clock;
  pid_t child = -1;
  Clock::time_point started;
  Clock::time_point next = Clock::now();
  while (!stops_) {
    if (child > 0) {
      int status = 0;
      if (::waitpid(child, &status, WNOHANG) == child) {
        log_.error("the data plane ended", {{"status", std::to_string(status)}});
        child = -1;
        next = Clock::now() - started < kShortLife ? Clock::now() + kAfterShortLife : Clock::now();
      }
    }
    // The connection that this look costs the other one is closed at once.
    if (child < 0 && Clock::now() >= next) {
      next = Clock::now() + kAfterShortLife;
      if (!is_running_elsewhere()) {
        started = Clock::now();
        child = start();
      }
    }
    std::this_thread::sleep_for(kLook);
  }
}

}  // namespace bulkhead::control::agent
