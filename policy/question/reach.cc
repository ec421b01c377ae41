// SPDX-License-Identifier: Apache-2.0
#include "policy/question/reach.h"

#include <algorithm>

#include "policy/compile/compiler.h"

namespace bulkhead::question {
namespace {

// As a look-up does: what the table does not know is nobody.
table::IdentityRecord record_of(const table::TableView& view, IdentityId identity) {
  const bool is_known = identity.value < view.identities().size();
  return view.identities()[is_known ? identity.value : kUnknownIdentity.value];
}

}  // namespace

Result<Reach> Reach::compile(const model::Cluster& cluster) {
  compile::Numbers numbers;
  auto made = compile::compile(cluster, std::nullopt, Revision{1}, numbers);
  if (!made) return tl::unexpected(made.error());
  return open(std::move(*made));
}

Result<std::pair<Reach, Reach>> Reach::compile_both(const model::Cluster& before,
                                                    const model::Cluster& after) {
  compile::Numbers numbers;
  compile::Compiler compiler;
  const auto next = [&](const model::Cluster& cluster, Revision revision) -> Result<Reach> {
    auto made = compiler.compile(cluster, std::nullopt, revision, numbers);
    if (!made) return tl::unexpected(made.error());
    return open(std::move(*made));
  };
  auto old_reach = next(before, Revision{1});
  if (!old_reach) return in_context("old", old_reach.error());
  auto new_reach = next(after, Revision{2});
  if (!new_reach) return in_context("new", new_reach.error());
  return std::pair(std::move(*old_reach), std::move(*new_reach));
}

Result<Reach> Reach::open(compile::CompiledTable made) {
  auto compiled = std::make_shared<const compile::CompiledTable>(std::move(made));
  auto view = table::TableView::open(compiled->section_bytes());
  if (!view) return tl::unexpected(view.error());
  return Reach(std::move(compiled), std::move(*view));
}

Reach::Reach(std::shared_ptr<const compile::CompiledTable> compiled, table::TableView view)
    : compiled_(std::move(compiled)), view_(std::move(view)) {
  for (const auto& [address, entry] : compiled_->addresses) {
    identities_.emplace(address, entry.identity);
  }
  for (const auto& slot : compiled_->slots) {
    rules_.emplace(slot.slot.value, slot.rule);
    if (!slot.staged) enforced_.insert(slot.rule);
  }
}

std::string Reach::rule(CounterSlot slot) const {
  const auto known = rules_.find(slot.value);
  return known != rules_.end() ? known->second : std::string();
}

std::optional<Classes> Reach::of_pod(const model::Pod& pod, Family family) const {
  IdentityId identity = kUnknownIdentity;
  if (pod.ips.empty()) {
    if (const auto known = compiled_->pods.find(pod.key); known != compiled_->pods.end()) {
      identity = known->second;
    }
  } else {
    const auto address = std::find_if(pod.ips.begin(), pod.ips.end(),
                                      [&](const auto& ip) { return ip.family == family; });
    if (address == pod.ips.end()) return {};
    if (const auto known = identities_.find(*address); known != identities_.end()) {
      identity = known->second;
    }
  }
  return Classes{record_of(view_, identity), true};
}

Classes Reach::of_outside(const IpAddress& address) const {
  return {record_of(view_, view_.outside_identity(address)), false};
}

std::uint32_t Reach::rule_set_of(Direction direction, const Classes& subject,
                                 const Classes& peer) const {
  if (!subject.is_pod) return kNoPolicy;
  const auto d = static_cast<std::size_t>(direction);
  const std::uint32_t column = peer.record.peer_class[d];
  const std::uint32_t row = subject.record.subject_class[d] * view_.row_stride(direction);
  const std::uint32_t block = view_.rows(direction)[row + column / table::kBlockCells];
  return view_.blocks()[block].rule_set[column % table::kBlockCells];
}

const std::vector<Reach::Piece>& Reach::pieces(std::uint32_t rule_set) {
  const auto [found, is_new] = pieces_.try_emplace(rule_set);
  auto& out = found->second;
  if (!is_new) return out;
  const auto add = [&](std::uint32_t last, std::uint32_t decision) {
    const auto& record = view_.decisions()[decision];
    const Piece piece{last, static_cast<Verdict>(record.verdict), CounterSlot{record.slot}};
    const bool is_same =
        !out.empty() && out.back().verdict == piece.verdict && out.back().slot == piece.slot;
    if (is_same) {
      out.back().last = last;
    } else {
      out.push_back(piece);
    }
  };
  if (rule_set == kNoPolicy) {
    out.push_back({table::kLineEnd, Verdict::Allow, CounterSlot{}});
    return out;
  }
  const auto& set = view_.rule_sets()[rule_set];
  if (set.wide == 0) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < table::kIntervals && next <= table::kLineEnd; ++i) {
      const std::uint32_t last = i + 1 < table::kIntervals ? set.last[i] : table::kLineEnd;
      if (last < next) continue;
      add(last, set.decision[i]);
      next = last + 1;
    }
    return out;
  }
  const auto& map = view_.wide_maps()[set.wide - 1];
  std::optional<std::uint32_t> uniform;  // the last page, where all its points are alike
  for (std::uint32_t first = 0; first <= table::kLineEnd; first += table::kPagePoints) {
    const std::uint32_t number = map.page[first / table::kPagePoints];
    const std::uint32_t last = std::min(first + table::kPagePoints - 1, table::kLineEnd);
    const auto& decision = view_.wide_pages()[number].decision;
    if (uniform != number) {
      const bool is_uniform = std::ranges::count(decision, decision[0]) == table::kPagePoints;
      uniform = is_uniform ? std::optional(number) : std::nullopt;
    }
    if (uniform) {
      add(last, decision[0]);
      continue;
    }
    for (std::uint32_t point = first; point <= last; ++point) add(point, decision[point - first]);
  }
  return out;
}

std::vector<Run> Reach::join(std::uint32_t egress, std::uint32_t ingress) {
  const std::vector<Piece> out = pieces(egress);
  const std::vector<Piece> in = pieces(ingress);
  const bool is_nobody = egress == kNoPolicy && ingress == kNoPolicy;
  std::vector<Run> runs;
  for (std::size_t i = 0, j = 0; i < out.size() && j < in.size();) {
    const bool is_allowed =
        !is_nobody && out[i].verdict == Verdict::Allow && in[j].verdict == Verdict::Allow;
    const std::uint32_t last = std::min(out[i].last, in[j].last);
    runs.push_back({last, is_allowed ? Verdict::Allow : Verdict::Deny, out[i].slot, in[j].slot});
    if (out[i].last == last) ++i;
    if (in[j].last == last) ++j;
  }
  return runs;
}

const std::vector<Run>& Reach::between(const Classes& from, const Classes& to) {
  const std::uint32_t egress = rule_set_of(Direction::Egress, from, to);
  const std::uint32_t ingress = rule_set_of(Direction::Ingress, to, from);
  const auto [found, is_new] = runs_.try_emplace({egress, ingress});
  if (is_new) found->second = join(egress, ingress);
  return found->second;
}

std::string PortSpan::text() const {
  if (protocol == "other" || (first == 0 && last == 65535)) return protocol;
  if (first == last) return fmt::format("{}/{}", protocol, first);
  return fmt::format("{}/{}-{}", protocol, first, last);
}

std::vector<PortSpan> spans_of(std::uint32_t first, std::uint32_t last) {
  static constexpr std::array kProtocols = {"TCP", "UDP", "SCTP"};
  std::vector<PortSpan> spans;
  for (std::uint32_t i = 0; i < kProtocols.size(); ++i) {
    const std::uint32_t low = std::max(first, i << 16);
    const std::uint32_t high = std::min(last, (i << 16) + 65535);
    if (low > high) continue;
    spans.push_back({kProtocols[i], static_cast<std::uint16_t>(low & 0xffff),
                     static_cast<std::uint16_t>(high & 0xffff)});
  }
  if (last >= table::kLineOther) spans.push_back({"other", 0, 0});
  return spans;
}

std::string text_of(const std::vector<PortSpan>& spans) {
  std::vector<std::string> texts;
  for (const auto& span : spans) texts.push_back(span.text());
  const std::string text = fmt::format("{}", fmt::join(texts, ", "));
  return text == "TCP, UDP, SCTP, other" ? "all" : text;
}

}  // namespace bulkhead::question
