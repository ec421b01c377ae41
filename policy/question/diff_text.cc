// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "policy/question/diff.h"

namespace bulkhead::question {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kNamesALine = 6;

std::string names_text(const std::vector<std::string>& names) {
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamesALine));
  const std::string shown = fmt::format("{}", fmt::join(names.begin(), end, ", "));
  if (names.size() <= kNamesALine) return shown;
  return fmt::format("{} and {} more", shown, names.size() - kNamesALine);
}

std::string family_text(const std::vector<Family>& families) {
  return families.size() == 1 ? fmt::format(" ({} only)", name_of(families.front())) : "";
}

std::string rules_text(const std::string& egress, const std::string& ingress) {
  if (egress.empty()) return ingress;
  if (ingress.empty() || ingress == egress) return egress;
  return fmt::format("{} and {}", egress, ingress);
}

Verdict other(Verdict verdict) {
  return verdict == Verdict::Allow ? Verdict::Deny : Verdict::Allow;
}

// Neighbouring changes with the same rules on one line.
std::string changes_text(const std::vector<Change>& changes) {
  std::string out;
  for (std::size_t i = 0; i < changes.size();) {
    std::vector<PortSpan> spans;
    const Change& first = changes[i];
    const auto is_like_first = [&](const Change& change) {
      return change.after == first.after && change.egress_before == first.egress_before &&
             change.ingress_before == first.ingress_before &&
             change.egress_after == first.egress_after &&
             change.ingress_after == first.ingress_after;
    };
    for (; i < changes.size() && is_like_first(changes[i]); ++i) spans.push_back(changes[i].ports);
    out += fmt::format(
        "    {} {}: {} by {}, was {} by {}\n", first.after == Verdict::Allow ? "+" : "-",
        text_of(spans), name_of(first.after), rules_text(first.egress_after, first.ingress_after),
        name_of(other(first.after)), rules_text(first.egress_before, first.ingress_before));
  }
  return out;
}

}  // namespace

std::string to_json(const Diff& diff) {
  Json pairs = Json::array();
  for (const auto& pair : diff.pairs) {
    Json families = Json::array();
    for (const auto family : pair.families) families.push_back(name_of(family));
    Json changes = Json::array();
    for (const auto& change : pair.changes) {
      changes.push_back({{"protocol", change.ports.protocol},
                         {"first", change.ports.first},
                         {"last", change.ports.last},
                         {"before", name_of(other(change.after))},
                         {"after", name_of(change.after)},
                         {"egress_before", change.egress_before},
                         {"ingress_before", change.ingress_before},
                         {"egress_after", change.egress_after},
                         {"ingress_after", change.ingress_after}});
    }
    pairs.push_back({{"from", pair.from},
                     {"to", pair.to},
                     {"families", std::move(families)},
                     {"changes", std::move(changes)}});
  }
  const Json json = {{"pairs", std::move(pairs)},
                     {"new_pods", diff.new_pods},
                     {"vanished_pods", diff.vanished_pods}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const Diff& diff) {
  if (diff.is_empty()) return "no change: every pair may do what it could before\n";
  std::string out;
  for (const auto& pair : diff.pairs) {
    out += fmt::format("{} -> {}{}\n{}", names_text(pair.from), names_text(pair.to),
                       family_text(pair.families), changes_text(pair.changes));
  }
  for (const auto& name : diff.new_pods) out += fmt::format("new pod {}\n", name);
  for (const auto& name : diff.vanished_pods) out += fmt::format("vanished pod {}\n", name);
  return out;
}

}  // namespace bulkhead::question
