// SPDX-License-Identifier: Apache-2.0
#include "dataplane/publish/publisher.h"

#include <rte_rcu_qsbr.h>

#include <chrono>
#include <new>
#include <thread>

namespace bulkhead::dataplane {

struct Publisher::Quiescence {
  explicit Quiescence(std::size_t workers) {
    const auto count = static_cast<std::uint32_t>(workers);
    const std::size_t size = rte_rcu_qsbr_get_memsize(count);
    memory = ::operator new (size, std::align_val_t{RTE_CACHE_LINE_SIZE});
    state = static_cast<rte_rcu_qsbr*>(memory);
    rte_rcu_qsbr_init(state, count);
    for (std::uint32_t worker = 0; worker < count; ++worker) {
      rte_rcu_qsbr_thread_register(state, worker);  // offline until it enters
    }
  }
  ~Quiescence() { ::operator delete (memory, std::align_val_t{RTE_CACHE_LINE_SIZE}); }
  Quiescence(const Quiescence&) = delete;
  Quiescence& operator=(const Quiescence&) = delete;

  void* memory = nullptr;
  rte_rcu_qsbr* state = nullptr;
};

Publisher::Publisher(std::size_t workers, const AddressMap& addresses)
    : quiescence_(std::make_unique<Quiescence>(workers)) {
  auto closed = std::make_unique<Snapshot>();
  closed->addresses = &addresses;
  current_.store(closed.release(), std::memory_order_release);
}

Publisher::~Publisher() { delete current_.load(std::memory_order_acquire); }

void Publisher::enter(std::size_t worker) {
  rte_rcu_qsbr_thread_online(quiescence_->state, static_cast<unsigned>(worker));
}

void Publisher::leave(std::size_t worker) {
  rte_rcu_qsbr_thread_offline(quiescence_->state, static_cast<unsigned>(worker));
}

void Publisher::quiescent(std::size_t worker) {
  rte_rcu_qsbr_quiescent(quiescence_->state, static_cast<unsigned>(worker));
}

void Publisher::publish(std::unique_ptr<const Snapshot> next) {
  const std::unique_ptr<const Snapshot> old(
      current_.exchange(next.release(), std::memory_order_acq_rel));
  synchronize();
}

void Publisher::synchronize() {
  const auto token = rte_rcu_qsbr_start(quiescence_->state);
  // A burst takes microseconds; yield first, then stop competing for the worker's core.
  for (int attempt = 0; rte_rcu_qsbr_check(quiescence_->state, token, false) == 0; ++attempt) {
    if (attempt < 64) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
}

}  // namespace bulkhead::dataplane
