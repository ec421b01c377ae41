// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
#include "control/cli/sarif.h"
#include "policy/compile/compile.h"
#include "policy/parse/view.h"

namespace bulkhead::control::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Findings {
  std::vector<Error> errors;
  std::vector<Error> warnings;
  std::vector<Error> notes;
  std::size_t files = 0;
  std::size_t broken_files = 0;
  parse::Objects objects;
};

Findings find(const parse::Parsed& parsed, const model::Settings& settings) {
  Findings findings;
  findings.files = parsed.files.size();
  for (const auto& file : parsed.files) {
    const auto append = [](auto& to, const auto& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(findings.errors, file.errors);
    append(findings.warnings, file.warnings);
    append(findings.notes, file.notes);
    if (file.is_broken()) ++findings.broken_files;
  }
  findings.objects = parsed.objects();
  // What only shows when the files are put together: an object written twice, an address taken
  // twice. Also among the good files of a broken set.
  const auto cluster = parse::build_cluster(findings.objects, settings);
  if (!cluster) {
    findings.errors.push_back(cluster.error());
    return findings;
  }
  // A valid text may still be too much for a table: the limit is named here, not at night.
  compile::Numbers numbers;
  const auto compiled = compile::compile(*cluster, std::nullopt, Revision{1}, numbers);
  if (!compiled) findings.errors.push_back(compiled.error());
  return findings;
}

// Takes ":12" off the end of `where`; 0 when it does not end so.
std::uint64_t take_number(std::string& where) {
  const auto colon = where.rfind(':');
  if (colon == where.npos || colon + 1 == where.size()) return 0;
  std::uint64_t number = 0;
  const char* end = where.data() + where.size();
  const auto parsed = std::from_chars(where.data() + colon + 1, end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return 0;
  where.resize(colon);
  return number;
}

struct Place {
  std::string file;
  std::uint64_t line = 0;
  std::uint64_t column = 0;
};

// "web.yaml:12:7", taken apart.
Place place_of(const Error& remark) {
  Place place{remark.where, 0, 0};
  const auto last = take_number(place.file);
  const auto first = last == 0 ? 0 : take_number(place.file);
  place.line = first != 0 ? first : last;
  place.column = first != 0 ? last : 0;
  return place;
}

Json json_of(const std::vector<Error>& remarks) {
  Json list = Json::array();
  for (const auto& remark : remarks) {
    const Place place = place_of(remark);
    list.push_back({{"file", place.file},
                    {"line", place.line},
                    {"column", place.column},
                    {"message", remark.message}});
  }
  return list;
}

void print_as_sarif(const Findings& findings, std::ostream& out) {
  std::vector<SarifResult> results;
  const auto add = [&](const std::vector<Error>& remarks, const char* rule, const char* level) {
    for (const auto& remark : remarks) {
      const Place place = place_of(remark);
      results.push_back({rule, level, remark.message, place.file, place.line, place.column});
    }
  };
  add(findings.errors, "BC001", "error");
  add(findings.warnings, "BC002", "warning");
  print_sarif(out,
              {{"BC001", "invalid", "What is written is not valid and changes nothing.", "error"},
               {"BC002", "read-otherwise", "Accepted, but not as it is written.", "warning"}},
              results);
}

void print_json(const Findings& findings, std::ostream& out) {
  const Json json = {
      {"valid", findings.errors.empty()},      {"files", findings.files},
      {"broken_files", findings.broken_files}, {"policies", findings.objects.policies.size()},
      {"pods", findings.objects.pods.size()},  {"namespaces", findings.objects.namespaces.size()},
      {"errors", json_of(findings.errors)},    {"warnings", json_of(findings.warnings)},
      {"notes", json_of(findings.notes)}};
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

void print_text(const Findings& findings, const Output& output) {
  for (const auto& error : findings.errors) output.out << printable(error.text()) << '\n';
  const std::string holds =
      fmt::format("{}, {}, {}, {}", counted(findings.files, "file", "files"),
                  counted(findings.objects.policies.size(), "policy", "policies"),
                  counted(findings.objects.pods.size(), "pod", "pods"),
                  counted(findings.objects.namespaces.size(), "namespace", "namespaces"));
  if (findings.errors.empty()) {
    output.out << "valid: " << holds << '\n';
  } else {
    output.out << red(output, "not valid") << ": "
               << counted(findings.errors.size(), "error", "errors") << ", "
               << findings.broken_files << " broken of " << holds << '\n';
  }
}

}  // namespace

Exit run(const PolicyCheck& command, const Output& output) {
  const auto settings = settings_of(command.input);
  if (!settings) return refuse(output, settings.error());
  const auto parsed = read_files(command.input);
  if (!parsed) return refuse(output, parsed.error());
  const Findings findings = find(*parsed, *settings);
  if (output.format == Format::Json) {
    print_json(findings, output.out);
  } else if (output.format == Format::Sarif) {
    print_as_sarif(findings, output.out);
  } else {
    print_remarks(*parsed, output);
    print_text(findings, output);
  }
  return findings.errors.empty() ? Exit::Good : Exit::Findings;
}

}  // namespace bulkhead::control::cli
