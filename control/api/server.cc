// SPDX-License-Identifier: Apache-2.0
#include "control/api/server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "control/api/http.h"
#include "control/api/listener.h"
#include "control/flowlog/audit.h"
#include "control/flowlog/flowlog.h"

namespace bulkhead::control::api {
namespace {

// Accepts on one thread and serves each connection on its own: a call may wait seconds for the data
// plane, a follower for ever.
class UnixServer : public Server {
 public:
  UnixServer(Fd listener, Service& service, flowlog::FlowLog& flows, flowlog::AuditLog& audit,
             ServerSettings settings)
      : settings_(std::move(settings)),
        flows_(flows),
        routes_(service, flows, settings_.on_attachment),
        http_(settings_, routes_, audit),
        listener_(std::move(listener)),
        stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        inode_(inode_of(settings_.socket)),
        acceptor_([this] { accept_all(); }) {}

  ~UnixServer() override {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_.value(), &one, sizeof one);
    acceptor_.join();
    // A successor may have its socket there already.
    std::error_code ignored;
    if (inode_of(settings_.socket) == inode_) std::filesystem::remove(settings_.socket, ignored);
    flows_.close_subscriptions();
    std::unique_lock lock(mutex_);
    // Who is still sending a request is cut off; a call in hand is answered first.
    for (const auto& [number, connection] : connections_) ::shutdown(connection.socket, SHUT_RD);
    changed_.wait(lock, [&] { return connections_.empty(); });
  }

 private:
  struct Connection {
    int socket;
    std::uint32_t uid;
  };

  static ino_t inode_of(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
  }

  void accept_all() {
    while (true) {
      {
        // At the limit nobody is accepted; the kernel's backlog holds the rest.
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(100),
                          [&] { return connections_.size() < settings_.connections; });
      }
      pollfd waiting[] = {{listener_.value(), POLLIN, 0}, {stop_.value(), POLLIN, 0}};
      ::poll(waiting, 2, -1);
      if (waiting[1].revents != 0) return;
      {
        const std::lock_guard lock(mutex_);
        if (connections_.size() >= settings_.connections) continue;
      }
      Fd socket(::accept4(listener_.value(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (socket.is_open()) {
        take(std::move(socket));
      } else {
        ::poll(&waiting[1], 1, 50);  // out of descriptors, perhaps: do not spin
      }
    }
  }

  void take(Fd socket) {
    const auto credentials = credentials_of(socket.value());
    if (!credentials) return;  // the kernel does not vouch for it: not served
    const std::lock_guard lock(mutex_);
    const auto held = std::ranges::count_if(
        connections_, [&](const auto& entry) { return entry.second.uid == credentials->uid; });
    if (credentials->uid != 0 && static_cast<std::size_t>(held) >= settings_.connections_per_user) {
      return http_.turn_away(socket.value(), *credentials);
    }
    const std::uint64_t number = ++last_number_;
    connections_.emplace(number, Connection{socket.value(), credentials->uid});
    try {
      std::thread([this, number, credentials = *credentials, socket = std::move(socket)]() mutable {
        http_.serve(socket.value(), credentials);
        const std::lock_guard leaving(mutex_);
        connections_.erase(number);
        socket.reset();
        changed_.notify_all();
      }).detach();
    } catch (const std::system_error&) {
      connections_.erase(number);  // no thread to be had: the caller sees a closed connection
    }
  }

  ServerSettings settings_;
  flowlog::FlowLog& flows_;
  Routes routes_;
  Http http_;
  Fd listener_;
  Fd stop_;
  ino_t inode_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Connection> connections_;
  std::uint64_t last_number_ = 0;
  std::thread acceptor_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Service& service, flowlog::FlowLog& flows,
                                              flowlog::AuditLog& audit, ServerSettings settings) {
  auto listener = listen_at(settings.socket, settings.group);
  if (!listener) return tl::unexpected(listener.error());
  return std::make_unique<UnixServer>(std::move(*listener), service, flows, audit,
                                      std::move(settings));
}

}  // namespace bulkhead::control::api
