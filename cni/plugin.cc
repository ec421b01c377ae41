// SPDX-License-Identifier: Apache-2.0
#include "cni/plugin.h"

#include "cni/reply.h"
#include "cni/verbs.h"

namespace bulkhead::cni {
namespace {

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Older runtimes ask for the version without any input.
Outcome<std::string> version(std::string_view input) {
  const std::string asked = version_of(input);
  if (!asked.empty() || is_blank(input)) return version_json(asked);
  return refuse(Code::CannotDecode, "standard input names no 'cniVersion'");
}

Outcome<std::string> serve(const Environment& environment, std::string_view input,
                           const Deadlines& deadlines, std::string& notes) {
  const auto command = command_of(environment);
  if (!command) return tl::unexpected(command.error());
  if (*command == Command::Version) return version(input);
  const auto request = parse_request(environment, input);
  if (!request) return tl::unexpected(request.error());
  switch (*command) {
    case Command::Add:
      return add(*request, deadlines, notes);
    case Command::Del:
      return del(*request, deadlines, notes);
    case Command::Check:
      return check(*request, deadlines);
    case Command::Version:
      break;
  }
  return version(input);
}

}  // namespace

Answer run(const Environment& environment, std::string_view input, const Deadlines& deadlines) {
  Answer answer;
  auto output = serve(environment, input, deadlines, answer.notes);
  if (output) {
    answer.output = std::move(*output);
    return answer;
  }
  const CniError& error = output.error();
  answer.output = error_json(version_of(input), error);
  answer.notes += error.message + "\n";
  answer.exit_code = 1;
  return answer;
}

}  // namespace bulkhead::cni
