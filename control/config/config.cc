// SPDX-License-Identifier: Apache-2.0
#include "control/config/config.h"

#include <algorithm>
#include <filesystem>

#include "control/config/fields.h"
#include "control/source/read_file.h"
#include "policy/parse/text_check.h"
#include "policy/parse/yaml.h"

namespace bulkhead::control {
namespace {

using config::Node;
using config::Path;
using config::Report;

constexpr std::size_t kFileLimit = std::size_t{1} << 20;
constexpr std::uint64_t kMostFlows = std::uint64_t{1} << 26;

// `cluster.dns`: a list of addresses, or a map that names addresses or the pods that answer.
void read_dns(Report& report, const Node& node, const Path& path, Config& config) {
  if (node.is_sequence()) {
    config::read_addresses(report, node, path, config.dns_addresses);
    return;
  }
  if (!parse::check_fields(report, node, path, {"addresses", "namespace", "labels"})) return;
  if (const Node* addresses = node.find("addresses")) {
    config::read_addresses(report, *addresses, path.field("addresses"), config.dns_addresses);
  }
  if (const Node* name = node.find("namespace")) {
    config.dns_namespace = parse::read_string(report, *name, path.field("namespace"));
  }
  const Node* const labels = node.find("labels");
  if (labels == nullptr || !parse::check_map(report, *labels, path.field("labels"))) return;
  if (!config.dns_namespace) {
    report.required(*labels, path.field("namespace"), "labels alone name pods of no namespace");
    return;
  }
  for (std::size_t i = 0; i < labels->keys.size(); ++i) {
    const std::string& key = labels->keys[i].name;
    const Path place = path.field("labels");
    if (auto value = parse::read_string(report, labels->items[i], place.field(key))) {
      config.dns_pods.match_labels.insert_or_assign(key, std::move(*value));
    }
  }
}

void read_cluster(Report& report, const Node& node, const Path& path, Config& config) {
  if (!parse::check_fields(report, node, path, {"pod_cidrs", "dns"})) return;
  if (const Node* cidrs = node.find("pod_cidrs")) {
    config::read_prefixes(report, *cidrs, path.field("pod_cidrs"), config.pod_cidrs);
  }
  if (const Node* dns = node.find("dns")) read_dns(report, *dns, path.field("dns"), config);
}

void read_instance(Report& report, const Node& node, const Path& path, Config& config) {
  const auto name = parse::read_string(report, node, path);
  if (!name) return;
  // Device names ("bulkhead0" + instance) have room for 15 characters.
  const bool is_good = name->size() <= 6 && std::all_of(name->begin(), name->end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                       });
  if (is_good) {
    config.instance = *name;
  } else {
    report.invalid(node, path, "must be at most 6 lower-case letters and digits");
  }
}

void read_policy_keys(Report& report, const Node& root, Config& config) {
  const Path top;
  if (const Node* node = root.find("default")) {
    std::string word = "deny";
    config::read_word(report, *node, top.field("default"), {"deny", "allow"}, word);
    config.default_verdict = word == "allow" ? Verdict::Allow : Verdict::Deny;
  }
  if (const Node* node = root.find("exempt")) {
    config::read_texts(report, *node, top.field("exempt"), config.exempt);
  }
  if (const Node* node = root.find("default_dns")) {
    config::read_flag(report, *node, top.field("default_dns"), config.default_dns);
  }
  if (const Node* node = root.find("policies")) {
    config.policies = parse::read_string(report, *node, top.field("policies"));
  }
  if (const Node* node = root.find("verify")) {
    config::read_word(report, *node, top.field("verify"), {"full", "sampled"}, config.verify);
  }
  if (const Node* node = root.find("established")) {
    config::read_word(report, *node, top.field("established"), {"reevaluate", "keep"},
                      config.established);
  }
  if (const Node* node = root.find("established_cut")) {
    config::read_word(report, *node, top.field("established_cut"), {"drop", "reset"},
                      config.established_cut);
  }
  if (const Node* node = root.find("cluster")) {
    read_cluster(report, *node, top.field("cluster"), config);
  }
}

void read_dataplane_keys(Report& report, const Node& root, Config& config) {
  const Path top;
  if (const Node* node = root.find("workers"); node != nullptr && node->scalar != "auto") {
    const auto workers = config::read_number(report, *node, top.field("workers"), 1, 4);
    config.workers = static_cast<unsigned>(workers.value_or(0));
  }
  if (const Node* node = root.find("poll")) {
    config::read_word(report, *node, top.field("poll"), {"adaptive", "busy", "epoll"}, config.poll);
  }
  if (const Node* node = root.find("io")) {
    config::read_word(report, *node, top.field("io"), {"auto", "uring", "epoll"}, config.io);
  }
  if (const Node* node = root.find("memory")) {
    config::read_word(report, *node, top.field("memory"), {"auto", "hugepages", "plain"},
                      config.memory);
  }
  if (const Node* node = root.find("flows")) {
    const Path path = top.field("flows");
    if (parse::check_fields(report, *node, path, {"max"}) && node->find("max") != nullptr) {
      const auto most =
          config::read_number(report, *node->find("max"), path.field("max"), 1024, kMostFlows);
      config.flows_max = most.value_or(config.flows_max);
    }
  }
  if (const Node* node = root.find("ports")) {
    config::read_ports(report, *node, top.field("ports"), config.ports);
  }
  if (const Node* node = root.find("standby")) {
    std::string word = "off";
    config::read_word(report, *node, top.field("standby"), {"on", "off"}, word);
    if (word == "on") report.invalid(*node, top.field("standby"), "this version has no standby");
  }
}

void read_agent_keys(Report& report, const Node& root, Config& config) {
  const Path top;
  if (const Node* node = root.find("masquerade")) {
    config::read_flag(report, *node, top.field("masquerade"), config.masquerade);
  }
  if (const Node* node = root.find("metrics")) {
    const Path path = top.field("metrics");
    if (parse::check_fields(report, *node, path, {"listen"}) && node->find("listen") != nullptr) {
      config::read_text(report, *node->find("listen"), path.field("listen"), config.metrics_listen);
    }
  }
  if (const Node* node = root.find("roles")) {
    config::read_roles(report, *node, top.field("roles"), config.roles);
  }
  if (const Node* node = root.find("instance")) {
    read_instance(report, *node, top.field("instance"), config);
  }
}

// As of any pod: an address outside the blocks would be taken for the world's.
void check_port_addresses(Report& report, const Node& root, const Config& config) {
  for (const auto& port : config.ports) {
    for (const auto& ip : port.ips) {
      const bool is_inside = std::any_of(config.pod_cidrs.begin(), config.pod_cidrs.end(),
                                         [&](const Prefix& block) { return block.contains(ip); });
      if (is_inside) continue;
      report.invalid(*root.find("ports"), Path().field("ports"),
                     fmt::format("{} is in no block of cluster.pod_cidrs", ip.text()));
    }
  }
}

void read_root(Report& report, const Node& root, Config& config) {
  if (root.is_null()) return;
  const bool is_known =
      parse::check_fields(report, root, Path(),
                          {"default", "exempt", "default_dns", "policies", "verify", "established",
                           "established_cut", "cluster", "masquerade", "workers", "poll", "io",
                           "memory", "flows", "metrics", "ports", "standby", "roles", "instance"});
  if (!is_known) return;
  read_policy_keys(report, root, config);
  read_dataplane_keys(report, root, config);
  check_port_addresses(report, root, config);
  read_agent_keys(report, root, config);
}

}  // namespace

model::Settings Config::settings() const {
  model::Settings settings;
  settings.default_verdict = default_verdict;
  settings.exempt.insert(exempt.begin(), exempt.end());
  settings.default_dns = default_dns;
  settings.pod_cidrs = pod_cidrs;
  settings.dns_addresses = dns_addresses;
  settings.dns_namespace = dns_namespace;
  settings.dns_pods = dns_pods;
  return settings;
}

Result<Config> load_config(const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error) return Config{};
  const auto text = source::read_file(file, kFileLimit);
  if (!text) return tl::unexpected(text.error());

  const std::string name = file.filename();
  const auto at = [&name](const Error& problem) {
    return tl::unexpected(Error{problem.message, fmt::format("{}:{}", name, problem.where)});
  };
  if (const Status clean = parse::check_text(*text); !clean) return at(clean.error());

  const parse::Limits limits{.file_bytes = kFileLimit, .depth = 8};
  parse::ParsedFile messages;
  messages.name = name;
  Report report(messages, limits);
  Config config;
  std::size_t documents = 0;
  const Status read = parse::read_documents(*text, limits, [&](const Node& root) {
    if (++documents == 1) {
      read_root(report, root, config);
    } else {
      report.error(root, Path(), "a configuration is one document");
    }
  });
  if (!read) return at(read.error());
  if (!messages.errors.empty()) return tl::unexpected(messages.errors.front());
  return config;
}

}  // namespace bulkhead::control
