// SPDX-License-Identifier: Apache-2.0
#include "control/agent/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "control/agent/restart_delay.h"

namespace bulkhead::control::agent {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kFarewell = 5s;     // from SIGTERM to SIGKILL
constexpr auto kCannotStart = 1s;  // between attempts when there is no program to start

// glibc 2.36 declares pidfd_open without C linkage.
Fd pidfd_of(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

bool is_readable(int fd, std::chrono::milliseconds patience) {
  pollfd polled{fd, POLLIN, 0};
  return ::poll(&polled, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace

Supervisor::Supervisor(std::filesystem::path program, std::vector<std::string> flags,
                       std::filesystem::path socket, Log& log)
    : program_(std::move(program)),
      flags_(std::move(flags)),
      socket_(std::move(socket)),
      log_(log),
      stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

Supervisor::~Supervisor() {
  ::eventfd_write(stop_.value(), 1);
  thread_.join();
}

// The process that listens there, if any: that of an agent before this one, or of systemd. The
// connection is closed at once.
std::optional<pid_t> Supervisor::running_elsewhere() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.native().size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, socket_.c_str(), socket_.native().size());
  const Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto* const to = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.value(), to, sizeof address) != 0) return std::nullopt;
  ucred peer{};
  socklen_t size = sizeof peer;
  ::getsockopt(fd.value(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer.pid;
}

pid_t Supervisor::start() {
  std::vector<char*> arguments = {const_cast<char*>(program_.c_str())};
  for (const auto& flag : flags_) arguments.push_back(const_cast<char*>(flag.c_str()));
  arguments.push_back(nullptr);

  // A session of its own and no blocked signals: what kills the agent, or interrupts its terminal,
  // must not end the fast path.
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

Supervisor::Watched Supervisor::watch() {
  Watched watched;
  if (const auto other = running_elsewhere()) {
    watched.pid = *other;
  } else {
    watched.pid = start();
    watched.is_child = watched.pid > 0;
  }
  watched.since = Clock::now();
  if (watched.pid > 0) watched.fd = pidfd_of(watched.pid);
  return watched;
}

void Supervisor::run() {
  Watched watched;
  RestartDelay delay;
  Clock::time_point next = Clock::now();
  for (;;) {
    if (!watched.fd.is_open() && Clock::now() >= next) {
      watched = watch();
      next = Clock::now() + kCannotStart;
    }
    std::array<pollfd, 2> polled = {
        {{stop_.value(), POLLIN, 0}, {watched.fd.is_open() ? watched.fd.value() : -1, POLLIN, 0}}};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    const int wait_ms = watched.fd.is_open() ? -1 : std::max(static_cast<int>(wait.count()), 0);
    ::poll(polled.data(), polled.size(), wait_ms);
    if (polled[0].revents != 0) break;
    if (polled[1].revents == 0) continue;
    int status = 0;
    if (watched.is_child) ::waitpid(watched.pid, &status, 0);
    log_.error("the data plane ended",
               {{"pid", std::to_string(watched.pid)}, {"status", std::to_string(status)}});
    const auto now = Clock::now();
    next = now + delay.after_life_of(now - watched.since);
    watched = {};
  }
  if (watched.is_child) end(watched);
}

void Supervisor::end(const Watched& child) {
  ::kill(child.pid, SIGTERM);
  if (!is_readable(child.fd.value(), kFarewell)) {
    log_.error("the data plane did not end in time", {{"pid", std::to_string(child.pid)}});
    ::kill(child.pid, SIGKILL);
  }
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  log_.info("ended the data plane", {{"pid", std::to_string(child.pid)}});
}

}  // namespace bulkhead::control::agent
