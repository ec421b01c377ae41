// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>

#include "cni/plugin.h"

namespace {

using bulkhead::cni::Environment;

Environment environment_of(char** variables) {
  Environment environment;
  for (; *variables != nullptr; ++variables) {
    const std::string_view variable = *variables;
    const auto equals = variable.find('=');
    if (equals == std::string_view::npos) continue;
    environment.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return environment;
}

// Up to a little more than the reader takes: it names the limit, and memory has one.
std::string standard_input() {
  constexpr std::size_t kEnough = 1024 * 1024 + 1;
  std::string text;
  char buffer[64 * 1024];
  while (text.size() < kEnough) {
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

int main(int, char**, char** variables) {
  // A runtime that is gone must not stop a DEL half-way.
  ::signal(SIGPIPE, SIG_IGN);
  const auto answer = bulkhead::cni::run(environment_of(variables), standard_input());
  std::fputs(answer.notes.c_str(), stderr);
  std::fputs(answer.output.c_str(), stdout);
  return std::fflush(stdout) == 0 ? answer.exit_code : 1;
}
