// SPDX-License-Identifier: Apache-2.0
#include "control/cli/sarif.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace bulkhead::control::cli {
namespace {

using Json = nlohmann::ordered_json;

Json text_of(const std::string& text) {
  Json json;
  json["text"] = text;
  return json;
}

// A relative path is relative to where the command ran, which is what code hosts expect; SARIF
// wants URI references, so what is special in one is escaped.
std::string uri_of(std::string_view path) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  constexpr std::string_view kPlain = "-._~/";
  std::string uri;
  for (const char c : path) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (is_word || kPlain.find(c) != kPlain.npos) {
      uri += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return path.starts_with('/') ? "file://" + uri : uri;
}

Json location_of(const SarifResult& result) {
  Json place;
  place["artifactLocation"]["uri"] = uri_of(result.file);
  if (result.line != 0) {
    place["region"]["startLine"] = result.line;
    if (result.column != 0) place["region"]["startColumn"] = result.column;
  }
  Json location;
  location["physicalLocation"] = std::move(place);
  return location;
}

}  // namespace

void print_sarif(std::ostream& out, const std::vector<SarifRule>& rules,
                 const std::vector<SarifResult>& results) {
  Json driver;
  driver["name"] = "bulkhead";
  driver["version"] = BULKHEAD_VERSION;
  driver["rules"] = Json::array();
  for (const auto& rule : rules) {
    Json entry;
    entry["id"] = rule.id;
    entry["name"] = rule.name;
    entry["shortDescription"] = text_of(rule.about);
    entry["defaultConfiguration"]["level"] = rule.level;
    driver["rules"].push_back(std::move(entry));
  }
  Json run;
  run["tool"]["driver"] = std::move(driver);
  run["columnKind"] = "unicodeCodePoints";
  run["results"] = Json::array();
  for (const auto& result : results) {
    Json entry;
    entry["ruleId"] = result.rule;
    entry["level"] = result.level;
    entry["message"] = text_of(result.message);
    if (!result.file.empty()) {
      entry["locations"] = Json::array();
      entry["locations"].push_back(location_of(result));
    }
    run["results"].push_back(std::move(entry));
  }
  Json log;
  log["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json";
  log["version"] = "2.1.0";
  log["runs"] = Json::array();
  log["runs"].push_back(std::move(run));
  out << log.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace bulkhead::control::cli
