// SPDX-License-Identifier: Apache-2.0
#include "policy/question/diff.h"

#include <algorithm>
#include <map>

#include "policy/question/may_differ.h"
#include "policy/question/outside.h"

namespace bulkhead::question {
namespace {

// Ends that neither table tells apart. `classes` and `names` go side by side.
struct Groups {
  std::vector<EndInBoth> classes;
  std::vector<std::vector<std::string>> names;
};

using GroupKey = std::array<std::array<std::uint32_t, 5>, 2>;

class Grouping {
 public:
  void add(const Classes& before, const Classes& after, std::string name) {
    const GroupKey key{before.key(), after.key()};
    const auto [at, is_new] = index_.emplace(key, groups_.classes.size());
    if (is_new) {
      groups_.classes.push_back({before, after});
      groups_.names.emplace_back();
    }
    groups_.names[at->second].push_back(std::move(name));
  }
  [[nodiscard]] Groups take() { return std::move(groups_); }

 private:
  std::map<GroupKey, std::size_t> index_;
  Groups groups_;
};

// Pods by name first, then outside addresses, neighbours of one class joined.
Groups find_groups(const model::Cluster& before, const model::Cluster& after,
                   const Reach& old_reach, const Reach& new_reach, Family family) {
  Grouping grouping;
  for (const auto& [key, pod] : after.pods) {
    const auto old = before.pods.find(key);
    const bool is_both = pod->is_live() && old != before.pods.end() && old->second->is_live();
    if (!is_both) continue;
    const auto old_classes = old_reach.of_pod(*old->second, family);
    const auto new_classes = new_reach.of_pod(*pod, family);
    if (old_classes && new_classes) grouping.add(*old_classes, *new_classes, key.text());
  }
  std::optional<Stretch> open;
  Classes open_before, open_after;
  const auto close = [&] {
    if (open) grouping.add(open_before, open_after, open->text());
    open.reset();
  };
  const std::array<const model::Cluster*, 2> clusters{&before, &after};
  for (const auto& stretch : stretches(clusters)) {
    if (stretch.first.family != family) continue;
    // What is nobody's address in both has no change to show.
    if (old_reach.is_unknown(stretch.first) && new_reach.is_unknown(stretch.first)) {
      close();
      continue;
    }
    const auto old_classes = old_reach.of_outside(stretch.first);
    const auto new_classes = new_reach.of_outside(stretch.first);
    if (open && open_before == old_classes && open_after == new_classes) {
      open->last = stretch.last;
      continue;
    }
    close();
    open = stretch;
    open_before = old_classes;
    open_after = new_classes;
  }
  close();
  return grouping.take();
}

std::vector<Change> changes_of(Reach& old_reach, Reach& new_reach, const EndInBoth& from,
                               const EndInBoth& to) {
  const auto& old_runs = old_reach.between(from.before, to.before);
  const auto& new_runs = new_reach.between(from.after, to.after);
  std::vector<Change> changes;
  std::uint32_t next = 0;
  for (std::size_t i = 0, j = 0; i < old_runs.size() && j < new_runs.size();) {
    const auto& old = old_runs[i];
    const auto& now = new_runs[j];
    const std::uint32_t last = std::min(old.last, now.last);
    if (old.verdict != now.verdict) {
      for (auto& span : spans_of(next, last)) {
        changes.push_back({std::move(span), now.verdict, old_reach.rule(old.egress),
                           old_reach.rule(old.ingress), new_reach.rule(now.egress),
                           new_reach.rule(now.ingress)});
      }
    }
    next = last + 1;
    if (old.last == last) ++i;
    if (now.last == last) ++j;
  }
  return changes;
}

// The changes of one family; destinations that change alike are named together.
Result<std::vector<PairChange>> diff_family(const model::Cluster& before,
                                            const model::Cluster& after, Reach& old_reach,
                                            Reach& new_reach, const Meanings& meanings,
                                            Family family) {
  const Groups groups = find_groups(before, after, old_reach, new_reach, family);
  const auto candidates = pairs_that_may_differ(old_reach, new_reach, meanings, groups.classes);
  if (!candidates) return tl::unexpected(candidates.error());
  std::vector<PairChange> pairs;
  std::map<std::vector<Change>, std::size_t> alike;  // of one `from`
  std::optional<std::uint32_t> last;
  for (const auto& [from, to] : *candidates) {
    if (last != from) alike.clear();
    last = from;
    const bool is_only_itself = from == to && groups.names[from].size() < 2;
    if (is_only_itself) continue;
    auto changes = changes_of(old_reach, new_reach, groups.classes[from], groups.classes[to]);
    if (changes.empty()) continue;
    const auto [at, is_new] = alike.emplace(changes, pairs.size());
    if (is_new) pairs.push_back({groups.names[from], {}, {family}, std::move(changes)});
    auto& names = pairs[at->second].to;
    names.insert(names.end(), groups.names[to].begin(), groups.names[to].end());
  }
  return pairs;
}

bool is_alike(const PairChange& a, const PairChange& b) {
  return a.from == b.from && a.to == b.to && a.changes == b.changes;
}

void name_pods(Diff& diff, const model::Cluster& before, const model::Cluster& after) {
  const auto only_in = [](const model::Cluster& one, const model::Cluster& other) {
    std::vector<std::string> names;
    for (const auto& [key, pod] : one.pods) {
      const auto found = other.pods.find(key);
      const bool is_there = found != other.pods.end() && found->second->is_live();
      if (pod->is_live() && !is_there) names.push_back(key.text());
    }
    return names;
  };
  diff.new_pods = only_in(after, before);
  diff.vanished_pods = only_in(before, after);
}

}  // namespace

Result<Diff> diff(const model::Cluster& before, const model::Cluster& after) {
  auto reach = Reach::compile_both(before, after);
  if (!reach) return tl::unexpected(reach.error());
  auto& [old_reach, new_reach] = *reach;
  const Meanings meanings = meanings_of(old_reach, new_reach);
  Diff out;
  auto of_v4 = diff_family(before, after, old_reach, new_reach, meanings, Family::V4);
  if (!of_v4) return tl::unexpected(of_v4.error());
  auto of_v6 = diff_family(before, after, old_reach, new_reach, meanings, Family::V6);
  if (!of_v6) return tl::unexpected(of_v6.error());
  out.pairs = std::move(*of_v4);
  for (auto& pair : *of_v6) {
    const auto same = std::find_if(out.pairs.begin(), out.pairs.end(),
                                   [&](const auto& known) { return is_alike(known, pair); });
    if (same != out.pairs.end()) {
      same->families.push_back(Family::V6);
    } else {
      out.pairs.push_back(std::move(pair));
    }
  }
  name_pods(out, before, after);
  return out;
}

}  // namespace bulkhead::question
