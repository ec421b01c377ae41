// SPDX-License-Identifier: Apache-2.0
#include "control/cli/policy_input.h"

#include <ostream>

#include "control/config/config.h"
#include "policy/parse/view.h"

namespace bulkhead::control::cli {

Result<model::Settings> settings_of(const PolicyInput& input) {
  model::Settings settings;
  if (input.config) {
    std::error_code ignored;
    // The agent takes the defaults for a missing file; who names one here means that one.
    if (!std::filesystem::exists(*input.config, ignored)) {
      return fail_at(input.config->string(), "no such file");
    }
    const auto config = load_config(*input.config);
    if (!config) return tl::unexpected(config.error());
    settings = config->settings();
  }
  if (input.default_verdict) settings.default_verdict = *input.default_verdict;
  return settings;
}

Result<parse::Parsed> read_files(const PolicyInput& input) {
  for (const auto& path : input.paths) {
    std::error_code ignored;
    if (path != "-" && !std::filesystem::exists(path, ignored)) {
      return fail_at(path, "no such file or folder");
    }
  }
  auto parsed = parse::parse_paths(input.paths);
  if (parsed.files.empty()) {
    return fail_at(input.paths.front(), "holds no .yaml, .yml or .json file");
  }
  for (const auto& file : parsed.files) {
    // A pipe whose first command failed must not look like valid policy.
    if (file.name == "<stdin>" && file.is_without_text) {
      return fail_at(file.name, "is empty: nothing was piped in");
    }
  }
  return parsed;
}

void print_remarks(const parse::Parsed& parsed, const Output& output) {
  for (const auto& file : parsed.files) {
    for (const auto& warning : file.warnings) {
      output.err << "warning: " << printable(warning.text()) << '\n';
    }
    for (const auto& note : file.notes) output.err << "note: " << printable(note.text()) << '\n';
  }
}

std::optional<parse::Parsed> read_good_files(const PolicyInput& input, const Output& output) {
  auto parsed = read_files(input);
  if (!parsed) {
    refuse(output, parsed.error());
    return std::nullopt;
  }
  print_remarks(*parsed, output);
  for (const auto& error : parsed->errors()) output.err << printable(error.text()) << '\n';
  if (parsed->is_broken()) return std::nullopt;
  return std::move(*parsed);
}

std::optional<model::Cluster> build(const parse::Parsed& parsed, const PolicyInput& input,
                                    const Output& output) {
  const auto settings = settings_of(input);
  if (!settings) {
    refuse(output, settings.error());
    return std::nullopt;
  }
  auto cluster = parse::build_cluster(parsed.objects(), *settings);
  if (!cluster) {
    refuse(output, cluster.error());
    return std::nullopt;
  }
  return std::move(*cluster);
}

std::optional<model::Cluster> read_cluster(const PolicyInput& input, const Output& output) {
  const auto parsed = read_good_files(input, output);
  if (!parsed) return std::nullopt;
  return build(*parsed, input, output);
}

}  // namespace bulkhead::control::cli
