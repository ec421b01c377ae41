// SPDX-License-Identifier: Apache-2.0
#include "control/agent/stored.h"

#include "control/source/dir_source.h"

namespace bulkhead::control::agent {
namespace {

namespace fs = std::filesystem;

Status make_folder(const fs::path& folder, fs::perms mode) {
  std::error_code error;
  const bool is_new = fs::create_directories(folder, error);
  if (!error && is_new) fs::permissions(folder, mode, error);
  if (error) return fail_at(folder, "cannot make: {}", error.message());
  return {};
}

// A DEL that the plugin served alone: the endpoint must not come back.
void apply_tombstones(const fs::path& folder, endpoint::Registry& registry,
                      endpoint::LostAttachments& lost, Log& log) {
  auto read = endpoint::read_tombstones(folder);
  for (const auto& error : read.skipped)
    log.error("unreadable tombstone", {{"error", error.text()}});
  for (const auto& tombstone : read.tombstones) {
    const auto* const record = registry.find(tombstone.key);
    // Its path may lead to another pod's namespace by now.
    const bool is_there =
        record != nullptr && endpoint::netns_inode(record->attachment.netns) == record->netns_inode;
    if (is_there) {
      const auto unwired = endpoint::unwire_pod(record->attachment.netns, tombstone.key.ifname);
      if (!unwired) log.warning("cannot delete a device", {{"error", unwired.error().text()}});
    }
    // The plugin has given the addresses back as well.
    auto removed = lost.remove(tombstone.key);
    if (removed) removed = registry.remove(tombstone.key);
    if (removed) removed = endpoint::remove_tombstone(tombstone);
    if (!removed) log.error("cannot apply a tombstone", {{"error", removed.error().text()}});
    log.info("applied a tombstone", {{"container", tombstone.key.container_id}});
  }
}

}  // namespace

Result<Stored> load_stored(const Config& config, const Paths& paths, Log& log) {
  constexpr fs::perms kPrivate = fs::perms::owner_all;
  constexpr fs::perms kReadable = kPrivate | fs::perms::group_read | fs::perms::group_exec |
                                  fs::perms::others_read | fs::perms::others_exec;
  const fs::path policies = config.policies ? fs::path(*config.policies) : paths.policies();
  for (const auto& folder : {paths.state(), paths.tombstones(), paths.logs()}) {
    if (auto made = make_folder(folder, kPrivate); !made) return tl::unexpected(made.error());
  }
  for (const auto& folder : {paths.run(), policies}) {
    if (auto made = make_folder(folder, kReadable); !made) return tl::unexpected(made.error());
  }

  auto registry = endpoint::Registry::open(paths.state() / "endpoints");
  if (!registry) return tl::unexpected(registry.error());
  for (const auto& error : registry->skipped) {
    log.error("skipped an endpoint record", {{"error", error.text()}});
  }
  std::vector<Error> skipped;
  auto lost = endpoint::LostAttachments::open(paths.state() / "lost", skipped);
  if (!lost) return tl::unexpected(lost.error());
  for (const auto& error : skipped) {
    log.error("skipped a lost attachment", {{"error", error.text()}});
  }
  apply_tombstones(paths.tombstones(), registry->registry, *lost, log);

  auto quarantines = state::QuarantineStore::open(paths.state() / "quarantines.json");
  if (!quarantines) return tl::unexpected(quarantines.error());
  auto accepted = state::AcceptedFolder::open(paths.accepted());
  if (!accepted) return tl::unexpected(accepted.error());
  auto texts = accepted->load();
  if (!texts) return tl::unexpected(texts.error());
  state::Store store;
  for (const auto& [unit, text] : *texts) store.restore(unit, text);
  auto source = source::DirSource::open(policies, store.unit_names());
  if (!source) return tl::unexpected(source.error());
  auto numbers = apply::NumbersFile::open(paths.state());
  if (!numbers) return tl::unexpected(numbers.error());
  auto journal = apply::AddressJournal::open(paths.run() / "addresses");
  if (!journal) return tl::unexpected(journal.error());
  return Stored{std::move(registry->registry), std::move(*lost),   std::move(*quarantines),
                std::move(*accepted),          std::move(store),   std::move(*source),
                std::move(*numbers),           std::move(*journal)};
}

}  // namespace bulkhead::control::agent
