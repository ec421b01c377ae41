// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/parse/parse.h"
#include "policy/parse/view.h"
#include "policy/verify/verify.h"

namespace {

using namespace bulkhead;  // NOLINT(google-build-using-namespace): one small program

// Two namespaces of two dual-stack pods each, with named ports that differ.
constexpr std::string_view kInventory = R"(
{apiVersion: v1, kind: Namespace, metadata: {name: x, labels: {ns: x}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: y, labels: {ns: y}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: x, labels: {pod: a}},
 spec: {containers: [{name: c, ports: [{name: web, containerPort: 80}]}]},
 status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: x, labels: {pod: b}},
 spec: {containers: [{name: c, ports: [{name: web, containerPort: 81}]}]},
 status: {podIPs: [{ip: 10.0.0.2}, {ip: 'fd00::2'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: y, labels: {pod: a}},
 status: {podIPs: [{ip: 10.0.1.1}, {ip: 'fd00::1:1'}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: b, namespace: y, labels: {pod: b}},
 status: {podIPs: [{ip: 10.0.1.2}, {ip: 'fd00::1:2'}]}}
)";

const parse::Objects& inventory() {
  static const auto objects = parse::parse_file_text("inventory.yaml", kInventory).objects;
  if (objects.pods.size() != 4) std::abort();
  return objects;
}

}  // namespace

// From text to table: whatever the parser lets through either compiles into a table that the oracle
// agrees with, or is refused by name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto objects = inventory();
  objects.append(parse::parse_file_text("fuzz.yaml", text, {.nodes = 2000}).objects);
  if (objects.policies.empty()) return 0;
  const auto cluster = parse::build_cluster(objects, {});
  if (!cluster) return 0;
  compile::Numbers numbers;
  const auto compiled = compile::compile(*cluster, {}, Revision{1}, numbers);
  if (!compiled) {
    if (compiled.error().message.empty()) std::abort();
    return 0;
  }
  if (!verify::verify(*cluster, {}, *compiled, {})) std::abort();
  return 0;
}
