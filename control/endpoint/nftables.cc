// SPDX-License-Identifier: Apache-2.0
#include "control/endpoint/nftables.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "control/endpoint/host_names.h"

namespace bulkhead::control::endpoint {
namespace {

Result<Fd> anonymous_file(std::string_view text) {
  Fd file(::memfd_create("nft", MFD_CLOEXEC));
  if (!file.is_open() ||
      ::write(file.value(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::lseek(file.value(), 0, SEEK_SET) != 0) {
    return fail("cannot hand a ruleset to nft: {}", strerror(errno));
  }
  return file;
}

std::string first_line_of(const Fd& file) {
  std::array<char, 512> buffer;
  const auto size = ::pread(file.value(), buffer.data(), buffer.size(), 0);
  const std::string_view text(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return std::string(text.substr(0, text.find('\n')));
}

struct SpawnActions {
  posix_spawn_file_actions_t actions;
  SpawnActions() { ::posix_spawn_file_actions_init(&actions); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions); }
};

// Input and output are files in memory, so nothing can block on a full pipe.
Status run_nft(const std::string& ruleset) {
  auto input = anonymous_file(ruleset);
  if (!input) return tl::unexpected(input.error());
  auto output = anonymous_file("");
  if (!output) return tl::unexpected(output.error());
  SpawnActions spawn;
  ::posix_spawn_file_actions_adddup2(&spawn.actions, input->value(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, output->value(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&spawn.actions, output->value(), STDERR_FILENO);
  const char* const arguments[] = {"nft", "-f", "-", nullptr};
  const char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", nullptr};
  pid_t child = 0;
  int error = ENOENT;
  for (const char* program : {"/usr/sbin/nft", "/usr/bin/nft", "/sbin/nft"}) {
    error =
        ::posix_spawn(&child, program, &spawn.actions, nullptr, const_cast<char* const*>(arguments),
                      const_cast<char* const*>(environment));
    if (error != ENOENT) break;
  }
  if (error != 0)
    return fail("cannot run nft: {} (install the package nftables, or set masquerade: false)",
                strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail("nft refused the ruleset: {}", first_line_of(*output));
}

std::string set_of(const std::vector<Prefix>& prefixes, Family family) {
  std::string text;
  for (const auto& prefix : prefixes) {
    if (prefix.family() != family) continue;
    text += text.empty() ? "{ " : ", ";
    text += prefix.text();
  }
  return text.empty() ? text : text + " }";
}

// Making it first lets the deletion succeed when there was none.
std::string deletion_of(const std::string& table) {
  return fmt::format("table inet {}\ndelete table inet {}\n", table, table);
}

}  // namespace

std::string nft_table_name(const std::string& instance) {
  return instance.empty() ? "bulkhead" : "bulkhead_" + instance;
}

std::string masquerade_ruleset(const HostLinkSettings& settings) {
  const std::string table = nft_table_name(settings.instance);
  const HostNames names = host_names(settings.instance);
  std::string rules;
  for (const auto& [family, field] : {std::pair{Family::V4, "ip"}, std::pair{Family::V6, "ip6"}}) {
    const std::string pods = set_of(settings.pod_cidrs, family);
    if (pods.empty()) continue;
    rules += fmt::format(
        "    {0} saddr {1} {0} daddr != {1} oifname != {{ \"{2}\", \"{3}\" }} "
        "masquerade fully-random\n",
        field, pods, names.node, names.outside);
  }
  return deletion_of(table) +
         fmt::format(
             "table inet {} {{\n  chain postrouting {{\n"
             "    type nat hook postrouting priority srcnat; policy accept;\n{}  }}\n}}\n",
             table, rules);
}

Status apply_masquerade(const HostLinkSettings& settings) {
  return run_nft(masquerade_ruleset(settings));
}

Status delete_masquerade(const std::string& instance) {
  return run_nft(deletion_of(nft_table_name(instance)));
}

}  // namespace bulkhead::control::endpoint
