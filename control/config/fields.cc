// SPDX-License-Identifier: Apache-2.0
#include "control/config/fields.h"

#include <algorithm>
#include <limits>

namespace bulkhead::control::config {

void read_flag(Report& report, const Node& node, const Path& path, bool& value) {
  if (const auto flag = parse::read_bool(report, node, path)) value = *flag;
}

void read_text(Report& report, const Node& node, const Path& path, std::string& value) {
  if (auto text = parse::read_string(report, node, path)) value = std::move(*text);
}

void read_texts(Report& report, const Node& node, const Path& path,
                std::vector<std::string>& values) {
  if (!parse::check_list(report, node, path)) return;
  values.clear();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (auto text = parse::read_string(report, node.items[i], path.item(i))) {
      values.push_back(std::move(*text));
    }
  }
}

void read_word(Report& report, const Node& node, const Path& path,
               std::initializer_list<std::string_view> words, std::string& value) {
  // `on` and `off` are booleans to YAML 1.1, words to us.
  if (!node.is_scalar()) {
    report.error(node, path, "must be one of {}, not {}", fmt::join(words, ", "),
                 parse::kind_text(node));
    return;
  }
  if (std::find(words.begin(), words.end(), node.scalar) == words.end()) {
    report.unsupported(node, path, fmt::format("{}", fmt::join(words, ", ")));
    return;
  }
  value = node.scalar;
}

std::optional<std::uint64_t> read_number(Report& report, const Node& node, const Path& path,
                                         std::uint64_t first, std::uint64_t last) {
  const auto number = parse::plain_number(node);
  if (number && *number >= first && *number <= last) return number;
  report.invalid(node, path, fmt::format("must be a number from {} to {}", first, last));
  return {};
}

void read_prefixes(Report& report, const Node& node, const Path& path,
                   std::vector<Prefix>& prefixes) {
  std::vector<std::string> texts;
  read_texts(report, node, path, texts);
  if (texts.size() != node.items.size()) return;
  prefixes.clear();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto parsed = Prefix::parse(texts[i]);
    if (!parsed) {
      report.invalid(node.items[i], path.item(i), parsed.error().text());
    } else if (parsed->had_host_bits) {
      report.invalid(
          node.items[i], path.item(i),
          fmt::format("has bits set beyond its length; did you mean {}?", parsed->prefix.text()));
    } else {
      prefixes.push_back(parsed->prefix);
    }
  }
}

void read_addresses(Report& report, const Node& node, const Path& path,
                    std::vector<IpAddress>& addresses) {
  std::vector<std::string> texts;
  read_texts(report, node, path, texts);
  if (texts.size() != node.items.size()) return;
  addresses.clear();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto address = IpAddress::parse(texts[i]);
    if (address) {
      addresses.push_back(*address);
    } else {
      report.invalid(node.items[i], path.item(i), address.error().text());
    }
  }
}

namespace {

std::optional<std::uint32_t> read_id(Report& report, const Node& node, const Path& path) {
  const auto number =
      read_number(report, node, path, 0, std::numeric_limits<std::uint32_t>::max() - 1);
  if (!number) return {};
  return static_cast<std::uint32_t>(*number);
}

void read_role(Report& report, const Node& node, const Path& path, std::vector<RoleRule>& roles) {
  if (!parse::check_fields(report, node, path, {"role", "uid", "gid", "namespaces"})) return;
  RoleRule rule;
  const Node* const role = node.find("role");
  const Node* const namespaces = node.find("namespaces");
  if (role == nullptr) {
    report.required(node, path.field("role"), "admin, operator, developer or auditor");
    return;
  }
  read_word(report, *role, path.field("role"), {"admin", "operator", "developer", "auditor"},
            rule.role);
  if (const Node* uid = node.find("uid")) rule.uid = read_id(report, *uid, path.field("uid"));
  if (const Node* gid = node.find("gid")) rule.gid = read_id(report, *gid, path.field("gid"));
  if (namespaces != nullptr) {
    read_texts(report, *namespaces, path.field("namespaces"), rule.namespaces);
  }
  if (!rule.uid && !rule.gid) {
    report.required(node, path, "a role needs a uid or a gid, else it is nobody's");
  } else if (rule.role == "developer" && rule.namespaces.empty()) {
    report.required(node, path.field("namespaces"), "a developer sees only namespaces named here");
  } else if (rule.role != "developer" && namespaces != nullptr) {
    report.forbidden(*namespaces, path.field("namespaces"), "only a developer is limited to some");
  } else {
    roles.push_back(std::move(rule));
  }
}

}  // namespace

void read_roles(Report& report, const Node& node, const Path& path, std::vector<RoleRule>& roles) {
  if (!parse::check_list(report, node, path)) return;
  roles.clear();
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    read_role(report, node.items[i], path.item(i), roles);
  }
}

}  // namespace bulkhead::control::config
