// SPDX-License-Identifier: Apache-2.0
#include "control/cli/completion.h"

#include <fmt/format.h>

namespace bulkhead::control::cli {

std::string completion_script(const CompletionWords& words, const CompletionValues& values,
                              std::string_view shell) {
  std::string commands;
  std::string cases;
  for (const auto& [path, following] : words) {
    commands += fmt::format("{}\"{}\"", commands.empty() ? "" : " | ", path);
    cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, fmt::join(following, " "));
  }
  std::string options;
  for (const auto& [option, known] : values) {
    options += fmt::format("    \"{}\") words='{}' ;;\n", option, fmt::join(known, " "));
  }
  // zsh runs bash's completions; slices mean the same in both, subscripts do not.
  std::string script =
      shell == "zsh" ? "autoload -Uz compinit bashcompinit\ncompinit\nbashcompinit\n" : "";
  script += fmt::format(R"(_bulkhead() {{
  local current="${{COMP_WORDS[@]:COMP_CWORD:1}}" place=bulkhead words= word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$place $word" in
    {}) place="$place $word" ;;
    esac
  done
  case "$place" in
{}  esac
  case "$place ${{COMP_WORDS[@]:COMP_CWORD-1:1}}" in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _bulkhead bulkhead
)",
                        commands, cases, options);
  return script;
}

}  // namespace bulkhead::control::cli
