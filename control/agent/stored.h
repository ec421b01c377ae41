// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "control/agent/log.h"
#include "control/apply/address_journal.h"
#include "control/apply/numbers_file.h"
#include "control/config/config.h"
#include "control/endpoint/lost.h"
#include "control/endpoint/registry.h"
#include "control/source/source.h"
#include "control/state/accepted_folder.h"
#include "control/state/quarantine.h"
#include "control/state/store.h"

namespace bulkhead::control::agent {

// What is read from disk before anything runs.
struct Stored {
  endpoint::Registry registry;
  endpoint::LostAttachments lost;
  state::QuarantineStore quarantines;
  state::AcceptedFolder accepted;
  state::Store store;
  std::unique_ptr<source::Source> source;
  apply::NumbersFile::Loaded numbers;
  apply::AddressJournal journal;
};
// Opens every file under the state and run folders, makes the folders, and applies the tombstones
// that the plugin left while the agent was away.
[[nodiscard]] Result<Stored> load_stored(const Config& config, const Paths& paths, Log& log);

}  // namespace bulkhead::control::agent
