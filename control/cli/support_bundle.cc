// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

#include "control/api/client.h"
#include "control/cli/commands.h"
#include "control/cli/preflight.h"
#include "control/cli/scrape.h"
#include "control/cli/shareable.h"
#include "control/cli/tar.h"
#include "control/config/config.h"
#include "policy/base/whole_file.h"
#include "policy/parse/parse.h"

namespace bulkhead::control::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kLogTail = std::size_t{1} << 20;  // of each log

std::optional<std::string> text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(stream), {}};
}

// The last whole lines of a log.
std::optional<std::string> tail_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) return std::nullopt;
  const auto size = static_cast<std::size_t>(stream.tellg());
  const std::size_t start = size > kLogTail ? size - kLogTail : 0;
  stream.seekg(static_cast<std::streamoff>(start));
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (start != 0) text.erase(0, text.find('\n') + 1);
  return text;
}

class Bundle {
 public:
  Bundle(const Paths& paths, const api::Client& agent)
      : paths_(paths),
        agent_(agent),
        tar_(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                            std::chrono::system_clock::now().time_since_epoch())
                                            .count())) {}

  std::vector<std::byte> pack() {
    add_answers();
    add("preflight.json", json_of(preflight(paths_, Machine{}, agent_)));
    const auto config = load_config(paths_.config());
    add_file("config.yaml", text_of(paths_.config()));
    add_metrics(config ? config->metrics_listen : Config{}.metrics_listen);
    add_policies(config && config->policies ? fs::path(*config->policies) : paths_.policies());
    for (const char* name : {"flows.jsonl", "errors.jsonl", "audit.jsonl"}) {
      add_file(std::string("logs/") + name, tail_of(paths_.logs() / name));
    }
    tar_.add("bulkhead-support/contents.txt", contents_);
    return tar_.bytes();
  }

  [[nodiscard]] const std::string& contents() const { return contents_; }

 private:
  void add(const std::string& name, std::string_view text) {
    tar_.add("bulkhead-support/" + name, text);
    contents_ += fmt::format("{} {} bytes\n", name, text.size());
  }
  void leave_out(const std::string& name, std::string_view why) {
    contents_ += fmt::format("{} left out: {}\n", name, why);
  }
  void add_file(const std::string& name, const std::optional<std::string>& text) {
    if (text) return add(name, *text);
    leave_out(name, "it is not there, or cannot be read");
  }

  void add_answers() {
    for (const char* name : {"status", "endpoints", "policies"}) {
      const auto answer = agent_.call("GET", std::string("/v1/") + name);
      const std::string file = std::string(name) + ".json";
      if (answer) {
        add(file, *answer);
      } else {
        leave_out(file, answer.error().message);
      }
    }
  }

  void add_metrics(const std::string& listen) {
    if (const auto metrics = scrape(listen)) return add("metrics.txt", *metrics);
    leave_out("metrics.txt", "nobody answers at " + listen);
  }

  // Policies as they are written; of everything else only that it was there.
  void add_policies(const fs::path& folder) {
    const auto files = parse::policy_files(folder);
    if (!files) return leave_out("policies", files.error().text());
    for (const auto& file : *files) {
      const std::string name = "policies/" + fs::relative(file, folder).string();
      const auto text = text_of(file);
      if (text) {
        add(name, shareable(*text));
      } else {
        leave_out(name, "it cannot be read");
      }
    }
    add("inventory.json", inventory_json(parse::parse_paths({folder.string()})));
  }

  // What policies see of the pods: no environments, commands or images.
  static std::string inventory_json(const parse::Parsed& parsed) {
    Json json;
    json["pods"] = Json::array();
    for (const auto& pod : parsed.objects().pods) {
      Json one;
      one["name"] = pod->key.text();
      one["kind"] = pod->kind;
      one["labels"] = Json::object();
      for (const auto& [key, value] : pod->labels) one["labels"][key] = value;
      one["ips"] = Json::array();
      for (const auto& ip : pod->ips) one["ips"].push_back(ip.text());
      json["pods"].push_back(std::move(one));
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  const Paths& paths_;
  const api::Client& agent_;
  Tar tar_;
  std::string contents_;
};

}  // namespace

Exit run(const SupportBundle& command, const api::Client& agent, const Output& output) {
  const Paths paths{command.root};
  Bundle bundle(paths, agent);
  const auto bytes = bundle.pack();
  if (auto written = write_whole(command.out, bytes, Durability::Process); !written) {
    return refuse(output, written.error());
  }
  if (output.format == Format::Json) {
    Json json;
    json["file"] = command.out.string();
    json["bytes"] = bytes.size();
    json["contents"] = Json::array();
    std::istringstream lines(bundle.contents());
    for (std::string line; std::getline(lines, line);) json["contents"].push_back(line);
    output.out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
    return Exit::Good;
  }
  std::istringstream lines(bundle.contents());
  for (std::string line; std::getline(lines, line);) output.err << printable(line) << '\n';
  output.out << printable(command.out.string())
             << ": read it before you give it away: it holds names, addresses and policies\n";
  return Exit::Good;
}

}  // namespace bulkhead::control::cli
