// SPDX-License-Identifier: Apache-2.0
#include <ostream>
#include <type_traits>

#include "control/cli/commands.h"
#include "control/config/config.h"

namespace bulkhead::control::cli {

int run(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  const auto read = read_arguments(argc, argv, out, err);
  if (const auto* end = std::get_if<Exit>(&read)) return static_cast<int>(*end);
  const auto& arguments = std::get<Arguments>(read);
  const Output output{out, err, arguments.format, wants_colour()};
  const api::Client agent(Paths{arguments.root}.agent_socket());
  const Exit end = std::visit(
      [&](const auto& command) {
        if constexpr (requires { run(command, output); }) {
          return run(command, output);
        } else {
          return run(command, agent, output);
        }
      },
      arguments.command);
  out.flush();
  return static_cast<int>(end);
}

}  // namespace bulkhead::control::cli
