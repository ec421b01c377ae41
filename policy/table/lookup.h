// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "policy/base/ids.h"
#include "policy/base/verdict.h"
#include "policy/table/view.h"

namespace bulkhead::table {

// One question: may `subject` (a local pod's identity) talk to or be talked to by `peer`?
// `port` is the destination port in host order; 0 for protocols without ports. In both directions
// it is the port of the connection's destination.
struct Query {
  IdentityId subject;
  IdentityId peer;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
};

// Born denied, in no rule.
struct Decision {
  Verdict verdict = Verdict::Deny;
  Verdict staged_verdict = Verdict::Deny;
  CounterSlot slot;         // names the rule that decided (see compile::SlotInfo)
  CounterSlot staged_slot;  // 0 when staged policies change nothing
};

// Answers a batch with a constant number of loads a query, whatever the number of rules. decisions
// must be as long as queries. An identity the table does not know is denied with slot 0.
// Thread: any; the view is immutable. No allocation, no exceptions.
void lookup(const TableView& table, Direction direction, std::span<const Query> queries,
            std::span<Decision> decisions);

}  // namespace bulkhead::table
