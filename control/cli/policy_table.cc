// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <span>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
#include "control/cli/read_whole.h"
#include "policy/base/whole_file.h"
#include "policy/compile/compile.h"
#include "policy/question/table_file.h"
#include "policy/verify/verify.h"

namespace bulkhead::control::cli {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::steady_clock;

std::uint64_t milliseconds_since(steady_clock::time_point start) {
  const auto spent = steady_clock::now() - start;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(spent).count());
}

}  // namespace

Exit run(const PolicyCompile& command, const Output& output) {
  const auto cluster = read_cluster(command.input, output);
  if (!cluster) return Exit::BadInput;
  const auto start = steady_clock::now();
  compile::Numbers numbers;
  const auto compiled = compile::compile(*cluster, std::nullopt, Revision{1}, numbers);
  if (!compiled) return refuse(output, compiled.error());
  const auto spent_ms = milliseconds_since(start);
  const auto bytes = question::write_table_file(*compiled);
  if (auto written = write_whole(command.out, bytes, Durability::Process); !written) {
    return refuse(output, written.error());
  }
  if (output.format == Format::Json) {
    const Json json = {{"file", command.out.string()},         {"bytes", bytes.size()},
                       {"policies", cluster->policies.size()}, {"pods", cluster->pods.size()},
                       {"rules", compiled->slots.size()},      {"compile_ms", spent_ms}};
    output.out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    output.out << fmt::format("{}: {} bytes, {} policies for {} pods, compiled in {} ms\n",
                              printable(command.out.string()), bytes.size(),
                              cluster->policies.size(), cluster->pods.size(), spent_ms);
  }
  return Exit::Good;
}

Exit run(const PolicyVerify& command, const Output& output) {
  const auto text = read_whole(command.table);
  if (!text) return refuse(output, text.error());
  const auto table = question::read_table_file(std::as_bytes(std::span(*text)));
  if (!table) return refuse(output, Error{table.error().message, command.table.string()});
  const auto cluster = read_cluster(command.input, output);
  if (!cluster) return Exit::BadInput;

  const auto start = steady_clock::now();
  const auto report = verify::verify(*cluster, std::nullopt, *table, verify::Budget{});
  const auto spent_ms = milliseconds_since(start);
  const bool is_equal = report.has_value() && report->is_complete();
  const std::string mismatch = report ? std::string() : report.error().text();
  if (output.format == Format::Json) {
    const Json json = {{"equal", is_equal},
                       {"pairs", report ? report->pairs : 0},
                       {"checked", report ? report->checked : 0},
                       {"questions", report ? report->questions : 0},
                       {"ms", spent_ms},
                       {"mismatch", mismatch}};
    output.out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else if (is_equal) {
    output.out << fmt::format("equal: {} of {} pairs checked, {} questions, in {} ms\n",
                              report->checked, report->pairs, report->questions, spent_ms);
  } else {
    output.out << red(output, "NOT EQUAL") << ": " << printable(mismatch) << '\n';
    output.err << "Were these policies compiled, and with the same --default or --config?\n";
  }
  return is_equal ? Exit::Good : Exit::Findings;
}

}  // namespace bulkhead::control::cli
