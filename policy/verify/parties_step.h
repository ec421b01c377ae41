// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <vector>

#include "policy/verify/parties.h"

namespace bulkhead::verify {

// Takes the parties from one version of a cluster to the next: whoever differs in anything that a
// party is made of stands up and sits down anew. Cost: what differs; all of it the first time.
class Parties::Step {
 public:
  // All borrowed.
  Step(Parties& parties, const Checked& before, const Checked& now, const table::TableView& table,
       const bool has_other_tries);
  [[nodiscard]] Result<News> take();

 private:
  // What the versions differ in.
  void find_pods();
  void find_addresses();
  void find_local_pods();
  void find_cuts();
  void count_nodes(const model::Cluster& cluster, bool add);
  void find_moved(const std::vector<IpAddress>& moved);
  void leave(const model::Pod& pod);
  void arrive(const model::Pod& pod);
  void sit_anew(const model::Pod& pod);

  void stand_up_leaving();
  [[nodiscard]] Status seat_arriving();
  [[nodiscard]] Status seat(const model::Pod& pod);
  [[nodiscard]] Status check_addresses() const;
  [[nodiscard]] Status renew_pieces();
  [[nodiscard]] Status renew_pieces_of_addresses();
  [[nodiscard]] Status ask(Piece& piece, const std::optional<IpAddress>& end);

  [[nodiscard]] bool is_local(const model::Pod& pod) const;
  [[nodiscard]] std::size_t claimants(const IpAddress& address) const;
  [[nodiscard]] std::optional<IpAddress> first_of_no_pod(const IpAddress& start,
                                                         const std::optional<IpAddress>& end) const;

  Parties& parties_;
  const Checked& before_;
  const Checked& now_;
  const table::TableView& table_;
  bool has_other_pieces_;

  std::map<model::PodKey, const model::Pod*> leaving_;
  std::map<model::PodKey, const model::Pod*> arriving_;
  std::set<IpAddress> addresses_;  // whose owners, or what the compile says of them, differ
};

}  // namespace bulkhead::verify
