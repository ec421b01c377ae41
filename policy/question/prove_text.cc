// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "policy/question/prove.h"

namespace bulkhead::question {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(Assertion::Kind kind) {
  switch (kind) {
    case Assertion::Kind::Never:
      return "never";
    case Assertion::Kind::Only:
      return "only";
    case Assertion::Kind::Always:
      return "always";
  }
  return "never";
}

}  // namespace

std::string_view name_of(Proof::Outcome outcome) {
  switch (outcome) {
    case Proof::Outcome::Proven:
      return "proven";
    case Proof::Outcome::Refuted:
      return "refuted";
    case Proof::Outcome::Vacuous:
      return "vacuous";
  }
  return "refuted";
}

std::string to_json(const std::vector<Proof>& proofs) {
  Json list = Json::array();
  for (const auto& proof : proofs) {
    Json witness;
    if (proof.witness) {
      const auto& seen = *proof.witness;
      witness = {{"from", seen.from},
                 {"to", seen.to},
                 {"family", name_of(seen.family)},
                 {"protocol", seen.port.protocol},
                 {"port", seen.port.first},
                 {"verdict", name_of(seen.verdict)},
                 {"egress", seen.egress},
                 {"ingress", seen.ingress}};
    }
    list.push_back({{"name", proof.assertion.name},
                    {"file", proof.assertion.origin.file},
                    {"line", proof.assertion.origin.line},
                    {"column", proof.assertion.origin.column},
                    {"kind", name_of(proof.assertion.kind)},
                    {"outcome", name_of(proof.outcome)},
                    {"pairs", proof.pairs},
                    {"witness", std::move(witness)}});
  }
  Json json;
  json["assertions"] = std::move(list);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_text(const std::vector<Proof>& proofs) {
  std::string out;
  for (const auto& proof : proofs) {
    out += fmt::format("{}: {}: {} ({})\n", proof.assertion.origin.text(), name_of(proof.outcome),
                       proof.assertion.name, name_of(proof.assertion.kind));
    if (proof.outcome == Proof::Outcome::Vacuous) {
      out += "  `from` or `to` holds nobody that was read: is it spelt right?\n";
    }
    if (!proof.witness) continue;
    const auto& seen = *proof.witness;
    const std::string port = seen.port.protocol == "other"
                                 ? std::string("other protocols")
                                 : fmt::format("{}/{}", seen.port.protocol, seen.port.first);
    out += fmt::format("  {} -> {} {} ({}) is {}", seen.from, seen.to, port, name_of(seen.family),
                       seen.verdict == Verdict::Allow ? "allowed" : "denied");
    if (!seen.egress.empty()) out += fmt::format(", egress {}", seen.egress);
    if (!seen.ingress.empty()) out += fmt::format(", ingress {}", seen.ingress);
    out += '\n';
  }
  return out;
}

}  // namespace bulkhead::question
