// SPDX-License-Identifier: Apache-2.0
#include "cni/execute.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "policy/base/fd.h"

namespace bulkhead::cni {
namespace {

constexpr std::size_t kLargestOutput = 1024 * 1024;

struct SpawnActions {
  posix_spawn_file_actions_t actions;
  SpawnActions() { ::posix_spawn_file_actions_init(&actions); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions); }
};

bool fill(const Fd& file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file.value(), text.data(), text.size());
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::lseek(file.value(), 0, SEEK_SET) == 0;
}

Result<std::string> content_of(const Fd& file) {
  const auto size = ::lseek(file.value(), 0, SEEK_END);
  if (size < 0) return fail("cannot read its output: {}", strerror(errno));
  if (static_cast<std::size_t>(size) > kLargestOutput) {
    return fail("its output is larger than {} bytes", kLargestOutput);
  }
  std::string text(static_cast<std::size_t>(size), '\0');
  if (::pread(file.value(), text.data(), text.size(), 0) != size) {
    return fail("cannot read its output: {}", strerror(errno));
  }
  return text;
}

Result<int> wait_for(pid_t child, std::chrono::milliseconds deadline) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  pollfd ended{process.value(), POLLIN, 0};
  int ready = 0;
  do {
    ready = ::poll(&ended, 1, static_cast<int>(deadline.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail("cannot wait for it: {}", strerror(errno));
  }
  if (ready == 0) return fail("it did not end within {} ms", deadline.count());
  if (WIFSIGNALED(status)) return fail("it was killed by signal {}", WTERMSIG(status));
  return WEXITSTATUS(status);
}

}  // namespace

Result<Execution> execute(const std::filesystem::path& program, const Environment& environment,
                          std::string_view input, std::chrono::milliseconds deadline) {
  // Files in memory: neither side can block on a full pipe, and no descriptor is left to wait on.
  const Fd in(::memfd_create("cni-input", MFD_CLOEXEC));
  const Fd out(::memfd_create("cni-output", MFD_CLOEXEC));
  if (!in.is_open() || !out.is_open() || !fill(in, input)) {
    return fail("cannot hand it its input: {}", strerror(errno));
  }
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  std::vector<char*> pointers;
  for (auto& variable : variables) pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  std::string name = program.string();
  char* const arguments[] = {name.data(), nullptr};

  SpawnActions spawn;
  ::posix_spawn_file_actions_adddup2(&spawn.actions, in.value(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, out.value(), STDOUT_FILENO);
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, name.c_str(), &spawn.actions, nullptr, arguments, pointers.data());
  if (error != 0) return fail("cannot start it: {}", strerror(error));
  const auto code = wait_for(child, deadline);
  if (!code) return tl::unexpected(code.error());
  auto output = content_of(out);
  if (!output) return tl::unexpected(output.error());
  return Execution{*code, std::move(*output)};
}

}  // namespace bulkhead::cni
