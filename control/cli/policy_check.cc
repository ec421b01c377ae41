// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/policy_input.h"
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
  if (const auto cluster = parse::build_cluster(findings.objects, settings); !cluster) {
    findings.errors.push_back(cluster.error());
  }
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

Json json_of(const std::vector<Error>& remarks) {
  Json list = Json::array();
  for (const auto& remark : remarks) {
    std::string file = remark.where;
    const auto last = take_number(file);
    const auto first = last == 0 ? 0 : take_number(file);
    list.push_back({{"file", file},
                    {"line", first != 0 ? first : last},
                    {"column", first != 0 ? last : 0},
                    {"message", remark.message}});
  }
  return list;
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
  } else {
    print_remarks(*parsed, output);
    print_text(findings, output);
  }
  return findings.errors.empty() ? Exit::Good : Exit::Findings;
}

}  // namespace bulkhead::control::cli
