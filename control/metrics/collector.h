// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <prometheus/collectable.h>

#include <memory>
#include <string>
#include <vector>

#include "control/metrics/source.h"

namespace bulkhead::control::flowlog {
class FlowLog;
}

namespace bulkhead::control::metrics {

// Every metric of design.md section 7, made at the moment of a scrape from the read model, the
// statistics page, the flow log's accounts and /proc. Counters never go back: what a data plane
// had counted when it went away is kept and added to what its successor counts.
// Thread: Collect any (one at a time inside); borrowed references must outlive it.
class Collector : public prometheus::Collectable {
 public:
  Collector(const Source& source, const flowlog::FlowLog& flows, std::string version);
  ~Collector() override;

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

  // Takes the last counts of a page whose data plane is gone, so that what happened since the last
  // scrape is not lost. The agent calls it when the connection closes.
  void remember(const dataplane::api::StatsPage& page);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bulkhead::control::metrics
