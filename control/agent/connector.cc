// SPDX-License-Identifier: Apache-2.0
#include "control/agent/connector.h"

#include <sys/eventfd.h>

#include <utility>

namespace bulkhead::control::agent {

Connector::Connector(std::filesystem::path socket)
    : socket_(std::move(socket)), ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Connector::~Connector() {
  if (thread_.joinable()) thread_.join();
}

void Connector::start() {
  if (thread_.joinable()) return;
  thread_ = std::thread([this] {
    auto attempt = apply::Client::connect(socket_, {});
    const std::lock_guard lock(mutex_);
    attempt_.emplace(std::move(attempt));
    ::eventfd_write(ended_.value(), 1);
  });
}

std::optional<Connector::Attempt> Connector::take() {
  std::optional<Attempt> ended;
  {
    const std::lock_guard lock(mutex_);
    if (!attempt_) return std::nullopt;
    ended.emplace(std::move(*attempt_));
    attempt_.reset();
  }
  thread_.join();
  eventfd_t ignored = 0;
  ::eventfd_read(ended_.value(), &ignored);
  return ended;
}

}  // namespace bulkhead::control::agent
