// SPDX-License-Identifier: Apache-2.0
#include "policy/question/assertion.h"

#include <charconv>

#include "policy/parse/decode.h"
#include "policy/parse/fields.h"
#include "policy/parse/selector.h"
#include "policy/parse/yaml.h"

namespace bulkhead::question {
namespace {

using parse::Node;
using parse::Path;
using parse::Report;

std::optional<std::uint16_t> port_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  if (!is_whole || value == 0 || value > 65535) return {};
  return static_cast<std::uint16_t>(value);
}

std::optional<PortSpan> port_span(std::string_view text) {
  const auto slash = text.find('/');
  const auto protocol = text.substr(0, slash);
  if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP") return {};
  if (slash == text.npos) return PortSpan{std::string(protocol), 0, 65535};
  const auto ports = text.substr(slash + 1);
  const auto dash = ports.find('-');
  const auto first = port_number(ports.substr(0, dash));
  const auto last = dash == ports.npos ? first : port_number(ports.substr(dash + 1));
  if (!first || !last || *last < *first) return {};
  return PortSpan{std::string(protocol), *first, *last};
}

std::vector<PortSpan> read_ports(Report& report, const Node& node, const Path& path) {
  std::vector<PortSpan> ports;
  if (!parse::check_list(report, node, path)) return ports;
  if (node.items.empty()) {
    report.required(node, path, "leave `ports` out to mean all ports, or name some");
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const auto& item = node.items[i];
    const auto span = item.is_scalar() ? port_span(item.scalar) : std::nullopt;
    if (span) {
      ports.push_back(*span);
    } else {
      report.invalid(item, path.item(i), "write TCP, TCP/3306 or UDP/8000-8100");
    }
  }
  return ports;
}

model::LabelSelector labels_of(Report& report, const Node& node, const Path& path) {
  model::LabelSelector selector;
  selector.match_labels = parse::read_labels(report, node, path);
  return selector;
}

AssertedEnd read_end(Report& report, const Node& node, const Path& path) {
  AssertedEnd end;
  if (!parse::check_fields(report, node, path, {"namespace", "pods", "cidr", "world"})) return end;
  if (node.keys.empty()) {
    report.required(node, path, "leave the field out to mean everybody, or narrow it");
  }
  if (const Node* space = node.find("namespace")) {
    const Path at = path.field("namespace");
    if (space->is_map()) {
      end.namespaces = labels_of(report, *space, at);
    } else if (const auto name = parse::read_string(report, *space, at)) {
      end.namespaces.emplace().match_labels.emplace(model::kNamespaceNameLabel, *name);
    }
  }
  if (const Node* pods = node.find("pods")) {
    end.pods = labels_of(report, *pods, path.field("pods"));
  }
  if (const Node* cidr = node.find("cidr")) {
    end.cidr = parse::read_prefix(report, *cidr, path.field("cidr"));
  }
  if (const Node* world = node.find("world")) {
    const auto value = parse::read_bool(report, *world, path.field("world"));
    if (value && !*value) report.invalid(*world, path.field("world"), "write true or leave it out");
    end.is_world = value.value_or(false);
  }
  const int kinds =
      (end.namespaces || end.pods ? 1 : 0) + (end.cidr ? 1 : 0) + (end.is_world ? 1 : 0);
  if (kinds > 1) {
    report.invalid(node, path, "name pods (namespace, pods), a cidr or the world, one of them");
  }
  // A field without a value narrows nothing, and so would quietly say "everybody".
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (node.items[i].is_null()) {
      report.required(node.items[i], path.field(node.keys[i].name), "write a value");
    }
  }
  return end;
}

void read_claim(Report& report, const Node& node, const Path& path, Assertion& assertion) {
  if (!parse::check_fields(report, node, path, {"from", "to", "ports"})) return;
  if (const Node* from = node.find("from")) {
    assertion.from = read_end(report, *from, path.field("from"));
  }
  if (const Node* to = node.find("to")) assertion.to = read_end(report, *to, path.field("to"));
  if (const Node* ports = node.find("ports")) {
    assertion.ports = read_ports(report, *ports, path.field("ports"));
  }
  if (assertion.from.is_everybody() && assertion.to.is_everybody()) {
    report.required(node, path, "name `from`, `to` or both");
  } else if (assertion.kind == Assertion::Kind::Only && assertion.from.is_everybody()) {
    report.required(node, path.field("from"), "name the only ones that may connect");
  }
}

std::optional<Assertion> read_assertion(Report& report, const Node& node, const Path& path) {
  if (!parse::check_fields(report, node, path, {"name", "never", "only", "always"})) return {};
  static constexpr std::array kKinds = {"never", "only", "always"};
  Assertion assertion;
  assertion.origin = report.origin(node);
  if (const Node* name = node.find("name")) {
    assertion.name = parse::read_string(report, *name, path.field("name")).value_or("");
  }
  int claims = 0;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    const Node* claim = node.find(kKinds[i]);
    if (claim == nullptr) continue;
    ++claims;
    assertion.kind = static_cast<Assertion::Kind>(i);
    read_claim(report, *claim, path.field(kKinds[i]), assertion);
  }
  if (claims != 1) report.required(node, path, "write exactly one of never, only and always");
  return assertion;
}

void read_document(Report& report, const Node& document, std::vector<Assertion>& assertions) {
  const Path root;
  if (document.is_null()) return;
  if (!parse::check_fields(report, document, root, {"apiVersion", "kind", "metadata", "spec"}))
    return;
  const Node* version = document.find("apiVersion");
  const Node* kind = document.find("kind");
  const bool is_ours = version != nullptr && version->scalar == "bulkhead.io/v1alpha1" &&
                       kind != nullptr && kind->scalar == "Assertions";
  if (!is_ours) {
    report.error(document, root, "is no bulkhead.io/v1alpha1 Assertions");
    return;
  }
  const Path path = root.field("spec");
  const Node* spec = document.find("spec");
  if (spec == nullptr) {
    report.required(document, path, "write `spec: {assertions: [...]}`");
    return;
  }
  if (!parse::check_fields(report, *spec, path, {"assertions"})) return;
  const Path at = path.field("assertions");
  const Node* list = spec->find("assertions");
  if (list == nullptr || list->items.empty()) {
    report.required(*spec, at, "nothing is asserted");
    return;
  }
  if (!parse::check_list(report, *list, at)) return;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    if (auto one = read_assertion(report, list->items[i], at.item(i))) {
      if (one->name.empty()) one->name = fmt::format("assertion {}", assertions.size() + 1);
      assertions.push_back(std::move(*one));
    }
  }
}

}  // namespace

ReadAssertions read_assertions(std::string_view file_name, std::string_view text) {
  const parse::Limits limits;
  parse::ParsedFile file;
  file.name = file_name;
  Report report(file, limits);
  ReadAssertions read;
  const auto status = parse::read_documents(
      text, limits, [&](const Node& node) { read_document(report, node, read.assertions); });
  read.errors = std::move(file.errors);
  if (!status) {
    read.errors.push_back(
        {status.error().message, fmt::format("{}:{}", file_name, status.error().where)});
  } else if (read.errors.empty() && read.assertions.empty()) {
    read.errors.push_back({"asserts nothing", std::string(file_name)});
  }
  return read;
}

}  // namespace bulkhead::question
