// SPDX-License-Identifier: Apache-2.0
#include "control/metrics/process.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace bulkhead::control::metrics {
namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Seconds since 1970 of the machine's boot (/proc/stat, btime).
double boot_time(const std::string& proc) {
  std::ifstream in(proc + "/stat");
  std::string word;
  double seconds = 0;
  while (in >> word) {
    if (word == "btime" && in >> seconds) break;
  }
  return seconds;
}

}  // namespace

std::optional<ProcessReport> read_process(std::uint32_t pid, const std::string& proc) {
  const std::string folder = proc + "/" + std::to_string(pid);
  const std::string stat = text_of(folder + "/stat");
  // The name, in parentheses, may hold anything: proc(5)'s field 3 follows the last one.
  const auto name_end = stat.rfind(')');
  if (name_end == stat.npos) return std::nullopt;
  std::istringstream in(stat.substr(name_end + 1));
  std::vector<std::string> fields{"", ""};
  for (std::string field; in >> field;) fields.push_back(field);
  if (fields.size() < 24) return std::nullopt;
  const auto number = [&](std::size_t proc_field) {
    return std::strtod(fields[proc_field - 1].c_str(), nullptr);
  };

  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  ProcessReport report;
  report.cpu_seconds = (number(14) + number(15)) / ticks;
  report.threads = number(20);
  report.start_time_seconds = boot_time(proc) + number(22) / ticks;
  report.virtual_bytes = number(23);
  report.resident_bytes = number(24) * static_cast<double>(::sysconf(_SC_PAGESIZE));

  std::error_code error;
  double open = 0;
  std::filesystem::directory_iterator descriptors(folder + "/fd", error);
  for (; !error && descriptors != std::filesystem::directory_iterator();
       descriptors.increment(error)) {
    ++open;
  }
  if (!error) report.open_fds = open;

  std::istringstream limits(text_of(folder + "/limits"));
  constexpr std::string_view kOpenFiles = "Max open files";
  for (std::string line; std::getline(limits, line);) {
    if (!line.starts_with(kOpenFiles)) continue;
    report.max_fds = std::strtod(line.c_str() + kOpenFiles.size(), nullptr);
  }
  return report;
}

}  // namespace bulkhead::control::metrics
