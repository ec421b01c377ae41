// SPDX-License-Identifier: Apache-2.0
#include "dataplane/publish/publisher.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "dataplane/publish/address_map.h"

namespace bulkhead::dataplane {
namespace {

std::unique_ptr<Snapshot> snapshot_of(const AddressMap& addresses, std::uint64_t revision) {
  auto snapshot = std::make_unique<Snapshot>();
  snapshot->addresses = &addresses;
  snapshot->revision = Revision{revision};
  return snapshot;
}

TEST(Publisher, StartsClosed) {
  AddressMap addresses(8);
  Publisher publisher(1, addresses);
  EXPECT_EQ(publisher.read().table, nullptr);
  EXPECT_EQ(publisher.read().addresses, &addresses);
  EXPECT_EQ(publisher.read().endpoint_at(PortId{1}), nullptr);
}

TEST(Publisher, DoesNotWaitForASleepingWorker) {
  AddressMap addresses(8);
  Publisher publisher(2, addresses);
  publisher.enter(0);
  publisher.leave(0);  // asleep; worker 1 never came
  publisher.publish(snapshot_of(addresses, 7));
  EXPECT_EQ(publisher.read().revision, Revision{7});
}

TEST(Publisher, KeepsTheOldSnapshotWhileABurstReadsIt) {
  AddressMap addresses(8);
  Publisher publisher(1, addresses);
  publisher.publish(snapshot_of(addresses, 1));
  publisher.enter(0);
  const Snapshot& burst = publisher.read();
  std::atomic<bool> is_published{false};
  std::jthread control([&] {
    publisher.publish(snapshot_of(addresses, 2));
    is_published = true;
  });
  while (publisher.current().revision != Revision{2}) std::this_thread::yield();
  EXPECT_FALSE(is_published.load());
  EXPECT_EQ(burst.revision, Revision{1});  // ASan and TSan watch this read
  publisher.quiescent(0);
  control.join();
  EXPECT_TRUE(is_published.load());
  publisher.leave(0);
}

TEST(Publisher, ReadersNeverTouchFreedSnapshots) {
  AddressMap addresses(8);
  Publisher publisher(3, addresses);
  std::atomic<bool> is_done{false};
  std::vector<std::jthread> workers;
  std::atomic<std::uint64_t> backwards{0};
  for (std::size_t worker = 0; worker < 3; ++worker) {
    workers.emplace_back([&, worker] {
      std::uint64_t last = 0;
      publisher.enter(worker);
      for (std::uint64_t burst = 0; !is_done.load(std::memory_order_relaxed); ++burst) {
        const auto revision = publisher.read().revision.value;
        if (revision < last) backwards.fetch_add(1);
        last = revision;
        publisher.quiescent(worker);
        if (burst % 64 == worker) {
          publisher.leave(worker);
          std::this_thread::yield();
          publisher.enter(worker);
        }
      }
      publisher.leave(worker);
    });
  }
  for (std::uint64_t revision = 1; revision <= 300; ++revision) {
    publisher.publish(snapshot_of(addresses, revision));
  }
  is_done = true;
  workers.clear();
  EXPECT_EQ(backwards.load(), 0u);
  EXPECT_EQ(publisher.current().revision, Revision{300});
}

}  // namespace
}  // namespace bulkhead::dataplane
