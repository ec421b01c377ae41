// SPDX-License-Identifier: Apache-2.0
#include "control/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <functional>

#include "control/cli/completion.h"
#include "control/cli/output.h"
#include "policy/parse/fields.h"

namespace bulkhead::control::cli {
namespace {

// CLI11 fills plain variables; the command's own type is made from them when it is chosen.
class Parser {
 public:
  Parser() : app_("Bulkhead keeps containers in watertight compartments.", "bulkhead") {
    app_.set_version_flag("--version", std::string(BULKHEAD_VERSION));
    app_.require_subcommand(1);
    app_.footer(
        "Exit status: 0 good, 1 findings or denied, 2 usage or input error.\n"
        "Example: bulkhead policy matrix deploy/demo-policies --probe TCP/3306");
    add_policy_commands();
    add_agent_commands();
    CLI::App* completion = app_.add_subcommand("completion", "A script that completes commands");
    completion->add_option("SHELL", shell_, "bash or zsh")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh"}));
    completion->footer("Example: source <(bulkhead completion bash)");
  }

  std::variant<Arguments, Exit> parse(int argc, const char* const* argv, std::ostream& out,
                                      std::ostream& err) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool is_help = error.get_exit_code() == 0;
      if (!is_help && (say_unknown_command(err) || say_unknown_option(err))) return Exit::BadInput;
      app_.exit(error, out, err);
      return is_help ? Exit::Good : Exit::BadInput;
    }
    if (!shell_.empty()) {
      CompletionValues values;
      add_values(app_, "bulkhead", values);
      out << completion_script(words(), values, shell_);
      return Exit::Good;
    }
    return Arguments{command_(), format(), root()};
  }

 private:
  [[nodiscard]] const CLI::App& chosen_command() const {
    const CLI::App* at = &app_;
    for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
      at = chosen.front();
    }
    return *at;
  }

  // CLI11 only says that it did not expect it.
  bool say_unknown_option(std::ostream& err) const {
    const auto rest = app_.remaining(true);
    if (rest.empty() || !rest.front().starts_with("--")) return false;
    const std::string given = rest.front().substr(2, rest.front().find('=') - 2).substr(0, 80);
    const CLI::App& command = chosen_command();
    std::vector<std::string> known;
    for (const auto* option : command.get_options()) {
      for (const auto& name : option->get_lnames()) known.push_back(name);
    }
    const std::vector<std::string_view> names(known.begin(), known.end());
    const auto near = parse::nearest(given, names);
    err << command.get_name() << ": there is no option '--" << printable(given) << '\'';
    if (!near.empty()) {
      err << "; did you mean --" << near << '?';
    } else {
      err << "; there are";
      for (const auto& name : known) err << " --" << name;
    }
    err << '\n';
    return true;
  }

  // CLI11 only says that a command is required, also when one was given that it does not know.
  bool say_unknown_command(std::ostream& err) const {
    const CLI::App* at = &chosen_command();
    const auto rest = app_.remaining(true);
    const auto known = at->get_subcommands([](const CLI::App*) { return true; });
    if (known.empty() || rest.empty() || rest.front().starts_with('-')) return false;
    err << at->get_name() << ": there is no command '" << printable(rest.front().substr(0, 80))
        << "'; there are";
    for (const auto* command : known) err << ' ' << command->get_name();
    err << '\n';
    return true;
  }

  // What may follow each command: its sub-commands and long options.
  [[nodiscard]] CompletionWords words() const {
    CompletionWords words;
    add_words(app_, "bulkhead", words);
    return words;
  }
  static void add_words(const CLI::App& app, const std::string& path, CompletionWords& words) {
    std::vector<std::string> here;
    for (const auto* command : app.get_subcommands(nullptr)) {
      here.push_back(command->get_name());
      add_words(*command, path + " " + command->get_name(), words);
    }
    for (const auto* option : app.get_options()) {
      for (const auto& name : option->get_lnames()) here.push_back("--" + name);
    }
    words.emplace(path, std::move(here));
  }

  // What an option may be is in its type as help shows it: "TEXT:{4,6}".
  static std::vector<std::string> choices_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const auto open = type.find('{');
    if (open == type.npos || !type.ends_with('}')) return {};
    return CLI::detail::split(type.substr(open + 1, type.size() - open - 2), ',');
  }
  static void add_values(const CLI::App& app, const std::string& path, CompletionValues& values) {
    for (const auto* command : app.get_subcommands(nullptr)) {
      add_values(*command, path + " " + command->get_name(), values);
    }
    for (const auto* option : app.get_options()) {
      const auto choices = choices_of(*option);
      if (choices.empty()) continue;
      if (option->get_positional()) values.emplace(path + " " + app.get_name(), choices);
      for (const auto& name : option->get_lnames()) values.emplace(path + " --" + name, choices);
      for (const auto& name : option->get_snames()) values.emplace(path + " -" + name, choices);
    }
  }

  CLI::App* add(CLI::App& parent, const char* name, const char* what, const char* example,
                std::function<Command()> make) {
    CLI::App* command = parent.add_subcommand(name, what);
    command->footer(std::string("Example: ") + example);
    const bool has_sarif = std::string_view(name) == "check" || std::string_view(name) == "lint";
    if (has_sarif) {
      command->add_option("-o,--output", format_, "text (default), json or sarif (2.1.0)")
          ->check(CLI::IsMember({"text", "json", "sarif"}));
    } else {
      command->add_option("-o,--output", format_, "text (default) or json")
          ->check(CLI::IsMember({"text", "json"}));
    }
    command->callback([this, make = std::move(make)] { command_ = make; });
    return command;
  }

  CLI::App* add_on_files(CLI::App& parent, const char* name, const char* what, const char* example,
                         std::function<Command()> make) {
    CLI::App* command = add(parent, name, what, example, std::move(make));
    add_paths(command);
    return command;
  }

  // A command on files whose first word is a file of another sort.
  CLI::App* add_after_file(CLI::App& parent, const char* name, const char* file,
                           const char* file_is, const char* what, const char* example,
                           std::function<Command()> make) {
    CLI::App* command = add(parent, name, what, example, std::move(make));
    command->add_option(file, file_, file_is)->required();
    add_paths(command);
    return command;
  }

  void add_paths(CLI::App* command) {
    command->add_option("PATH", paths_, "policy and inventory files, folders, or - for stdin")
        ->required();
    add_settings(command);
  }

  void add_settings(CLI::App* command) {
    command->add_option("--config", config_, "take the settings of this agent configuration");
    command
        ->add_option("--default", default_,
                     "what holds where no policy decides: allow (plain Kubernetes) or deny")
        ->check(CLI::IsMember({"allow", "deny"}));
  }

  CLI::App* add_on_agent(const char* name, const char* what, const char* example,
                         std::function<Command()> make) {
    CLI::App* command = add(app_, name, what, example, std::move(make));
    command->add_option("--root", root_, "the agent's root folder (default: BULKHEAD_ROOT, or /)");
    return command;
  }

  void add_family(CLI::App* command) {
    command->add_option("--family", family_, "4 or 6: speak with the pods' first such address")
        ->check(CLI::IsMember({"4", "6"}));
  }

  void add_policy_commands() {
    CLI::App* policy =
        app_.add_subcommand("policy", "Questions about policy files, no agent needed");
    policy->require_subcommand(1);
    policy->footer("Example: bulkhead policy check deploy/demo-policies");

    add_on_files(*policy, "check", "Is it valid? Every error with its file:line:col",
                 "bulkhead policy check deploy/demo-policies",
                 [this] { return PolicyCheck{input()}; });

    CLI::App* matrix = add_on_files(
        *policy, "matrix", "Who can reach whom, by pod and port",
        "bulkhead policy matrix deploy/demo-policies --probe TCP/80 --probe UDP/53", [this] {
          return PolicyMatrix{input(), probes_, family_, external_};
        });
    matrix
        ->add_option("--probe", probes_,
                     "PROTOCOL/PORT, repeated (default: every port that is named, and one more)")
        ->allow_extra_args(false);  // what follows is a PATH
    matrix->add_option("--external", external_, "CIDR outside the cluster as a row and a column")
        ->allow_extra_args(false);
    add_family(matrix);

    CLI::App* explain = add_on_files(
        *policy, "explain", "Which rule decides about one connection? Exit status 1 when denied",
        "bulkhead policy explain deploy/demo-policies --from frontend/web --to backend/db "
        "--protocol TCP --port 3306",
        [this] { return PolicyExplain{input(), from_, to_, protocol_, port_, family_}; });
    explain->add_option("--from", from_, "NAMESPACE/POD or an address")->required();
    explain->add_option("--to", to_, "NAMESPACE/POD or an address")->required();
    explain->add_option("--protocol", protocol_, "TCP (default), UDP, SCTP, ICMP or ICMPv6");
    explain->add_option("--port", port_, "destination port")->check(CLI::Range(0, 65535));
    add_family(explain);
    add_table_commands(*policy);
  }

  void add_table_commands(CLI::App& policy) {
    CLI::App* compile =
        add_on_files(policy, "compile", "Write the table that would be enforced to a file",
                     "bulkhead policy compile deploy/demo-policies --out /tmp/demo.table", [this] {
                       return PolicyCompile{input(), file_};
                     });
    compile->add_option("--out", file_, "the file to write, whole or not at all")->required();
    add_after_file(policy, "verify", "TABLE", "what policy compile wrote",
                   "Does a table file say what the policies say? Exit status 1 when it does not",
                   "bulkhead policy compile deploy/demo-policies --out /tmp/demo.table && "
                   "bulkhead policy verify /tmp/demo.table deploy/demo-policies",
                   [this] {
                     return PolicyVerify{input(), file_};
                   });
    add_on_files(
        policy, "lint", "Is it wise? Exit status 1 when something is probably not what was meant",
        "bulkhead policy lint deploy/demo-policies", [this] { return PolicyLint{input()}; });
    add_after_file(policy, "assert", "ASSERTIONS", "a file of kind Assertions",
                   "Do the administrators' invariants hold? Exit status 1 with a witness when not",
                   "bulkhead policy assert deploy/demo-assertions.yaml deploy/demo-policies",
                   [this] {
                     return PolicyAssert{input(), file_};
                   });
    add_suggest(policy);
    CLI::App* diff =
        add(policy, "diff", "Which pairs and ports change between two sets of files",
            "bulkhead policy diff deploy/demo-policies/pods.yaml deploy/demo-policies", [this] {
              PolicyDiff command{input(), input(), is_exit_code_};
              command.input.paths = {file_};
              command.changed.paths = {new_file_};
              return command;
            });
    diff->add_option("OLD", file_, "file or folder, pods included")->required();
    diff->add_option("NEW", new_file_, "file or folder, pods included")->required();
    diff->add_flag("--exit-code", is_exit_code_, "end with 1 when anything changes");
    add_settings(diff);
  }

  void add_suggest(CLI::App& policy) {
    CLI::App* suggest = add_on_files(
        policy, "suggest", "Policies that allow what was recorded, and nothing else",
        "bulkhead policy suggest deploy/demo-policies/pods.yaml --flows deploy/demo-flows.jsonl",
        [this] {
          return PolicySuggest{input(),      flows_,     namespaces_, since_,
                               with_denied_, length_v4_, length_v6_};
        });
    suggest
        ->add_option("--flows", flows_,
                     "a file of flow lines, repeated (the logs of each node), or - for stdin "
                     "(default: ask the running agent)")
        ->allow_extra_args(false);
    suggest
        ->add_option("--namespace,-n", namespaces_,
                     "write policies for this namespace, repeated (default: each that a flow "
                     "names)")
        ->allow_extra_args(false);
    suggest->add_option("--since", since_, "only later flows: 30m, 24h, 7d or an RFC 3339 time");
    suggest->add_flag("--with-denied", with_denied_, "allow what was denied too");
    suggest->add_option("--prefix4", length_v4_, "name outside IPv4 addresses by blocks this long")
        ->check(CLI::Range(1, 32));
    suggest->add_option("--prefix6", length_v6_, "name outside IPv6 addresses by blocks this long")
        ->check(CLI::Range(1, 128));
    suggest->add_option("--root", root_, "the agent's root folder (default: BULKHEAD_ROOT, or /)");
  }

  void add_agent_commands() {
    add_on_agent("status", "Is this node enforcing, and which policy?", "bulkhead status -o json",
                 [] { return ShowStatus{}; });
    add_on_agent("endpoints", "The pod interfaces of this node", "bulkhead endpoints",
                 [] { return ShowEndpoints{}; });
    CLI::App* flows =
        add_on_agent("flows", "What was allowed and denied, and by which rule",
                     "bulkhead flows --follow --verdict deny --namespace backend", [this] {
                       return ShowFlows{is_following_, verdict_, namespace_};
                     });
    flows->add_flag("--follow,-f", is_following_, "go on as it happens");
    flows->add_option("--verdict", verdict_, "only allow or deny")
        ->check(CLI::IsMember({"allow", "deny"}));
    flows->add_option("--namespace,-n", namespace_, "only flows with an end in this namespace");

    CLI::App* quarantine = add_on_agent(
        "quarantine", "Cut a pod off: nothing in, nothing out, open connections too",
        "bulkhead quarantine backend/db --why 'incident 42' --forensic-peer 10.0.0.9", [this] {
          return QuarantinePod{pod_, why_, until_, peer_};
        });
    quarantine->add_option("POD", pod_, "NAMESPACE/POD")->required();
    quarantine->add_option("--why", why_, "the reason, kept with it");
    quarantine->add_option("--until", until_, "when it ends by itself: 2026-01-31T18:00:00Z");
    quarantine->add_option("--forensic-peer", peer_, "the one address or CIDR that may still talk");
    CLI::App* release =
        add_on_agent("release", "End a pod's quarantine", "bulkhead release backend/db",
                     [this] { return ReleasePod{pod_}; });
    release->add_option("POD", pod_, "NAMESPACE/POD")->required();
    add_node_commands();
  }

  void add_node_commands() {
    add_on_agent("preflight",
                 "Can this node enforce? What is missing, and how to mend it; changes nothing",
                 "bulkhead preflight", [this] { return Preflight{root()}; });
    add_on_agent("report", "What needs attention: rejected policies, drops by reason, lint",
                 "bulkhead report", [this] { return ShowReport{root()}; });
    CLI::App* bundle =
        add_on_agent("support-bundle", "One tar with what others need to help, and no secrets",
                     "bulkhead support-bundle --out /tmp/bulkhead-support.tar", [this] {
                       return SupportBundle{root(), file_};
                     });
    bundle->add_option("--out", file_, "the tar to write, whole or not at all")->required();
  }

  [[nodiscard]] std::filesystem::path root() const {
    if (!root_.empty()) return root_;
    const char* environment = std::getenv("BULKHEAD_ROOT");
    return environment != nullptr ? environment : "/";
  }

  [[nodiscard]] Format format() const {
    if (format_ == "json") return Format::Json;
    return format_ == "sarif" ? Format::Sarif : Format::Text;
  }

  [[nodiscard]] PolicyInput input() const {
    PolicyInput input{paths_, std::nullopt, std::nullopt};
    if (!config_.empty()) input.config = config_;
    if (!default_.empty()) {
      input.default_verdict = default_ == "allow" ? Verdict::Allow : Verdict::Deny;
    }
    return input;
  }

  CLI::App app_;
  std::function<Command()> command_;
  std::string format_ = "text";
  std::string root_, config_, default_, family_, from_, to_, verdict_, namespace_;
  std::string pod_, why_, until_, peer_, file_, new_file_, shell_;
  std::string protocol_ = "TCP";
  std::uint16_t port_ = 0;
  bool is_following_ = false;
  bool is_exit_code_ = false;
  bool with_denied_ = false;
  unsigned length_v4_ = 32;
  unsigned length_v6_ = 128;
  std::string since_;
  std::vector<std::string> paths_, probes_, external_, flows_, namespaces_;
};

}  // namespace

std::variant<Arguments, Exit> read_arguments(int argc, const char* const* argv, std::ostream& out,
                                             std::ostream& err) {
  return Parser().parse(argc, argv, out, err);
}

}  // namespace bulkhead::control::cli
