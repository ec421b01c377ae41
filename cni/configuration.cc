// SPDX-License-Identifier: Apache-2.0
#include "cni/configuration.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cni/names.h"

namespace bulkhead::cni {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLargest = 1024 * 1024;
constexpr int kDeepest = 64;
constexpr std::uint32_t kLeastMtu = 1280;     // RFC 8200 section 5
constexpr std::uint32_t kLargestMtu = 61440;  // the data plane's longest frame

// Thrown and caught in this file only: a key with a bad value ends the reading wherever it is.
template <class... Args>
[[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) {
  throw CniError{Code::InvalidConfiguration, fmt::format(format, std::forward<Args>(args)...), {}};
}

// Discarded when it is no JSON or nested deeper than anybody needs.
Json parse(std::string_view text) {
  bool is_too_deep = false;
  const auto watch = [&is_too_deep](int depth, Json::parse_event_t, Json&) {
    is_too_deep = is_too_deep || depth > kDeepest;
    return true;
  };
  Json json = Json::parse(text, watch, false);
  return is_too_deep ? Json(Json::value_t::discarded) : json;
}

std::string compact(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The member at a key when it is there and not null.
const Json* member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_at(const Json& object, const char* key) {
  const Json* text = member(object, key);
  if (text == nullptr) return {};
  if (!text->is_string()) bad("'{}' must be a string", key);
  return text->get<std::string>();
}

const Json* object_at(const Json& object, const char* key) {
  const Json* found = member(object, key);
  if (found != nullptr && !found->is_object()) bad("'{}' must be an object", key);
  return found;
}

std::optional<std::uint32_t> mtu_of(const Json& json) {
  const Json* mtu = member(json, "mtu");
  // 0 is other plugins' word for "choose one".
  if (mtu == nullptr || *mtu == 0) return std::nullopt;
  const auto value = mtu->is_number_unsigned() ? mtu->get<std::uint64_t>() : 0;
  if (value < kLeastMtu || value > kLargestMtu) {
    bad("'mtu' must be a number from {} to {}", kLeastMtu, kLargestMtu);
  }
  return static_cast<std::uint32_t>(value);
}

// Both forms in use: [{"key":"app","value":"web"}] of the CNI conventions, and {"app":"web"}.
std::map<std::string, std::string> labels_of(const Json& json) {
  std::map<std::string, std::string> labels;
  const Json* arguments = object_at(json, "args");
  const Json* cni = arguments == nullptr ? nullptr : object_at(*arguments, "cni");
  const Json* given = cni == nullptr ? nullptr : member(*cni, "labels");
  if (given == nullptr) return labels;
  const auto add = [&labels](const std::string& key, const std::string& value) {
    if (key.empty()) bad("'args.cni.labels': a label needs a key");
    if (key.starts_with("bulkhead.io/")) {
      bad("'args.cni.labels': the prefix of '{}' is reserved, choose another", key);
    }
    if (!labels.emplace(key, value).second) bad("'args.cni.labels': '{}' is given twice", key);
  };
  if (given->is_object()) {
    for (const auto& label : given->items()) add(label.key(), text_at(*given, label.key().c_str()));
  } else if (given->is_array()) {
    for (const auto& label : *given) {
      if (!label.is_object()) bad("'args.cni.labels' must hold objects of key and value");
      add(text_at(label, "key"), text_at(label, "value"));
    }
  } else {
    bad("'args.cni.labels' must be an object or a list");
  }
  return labels;
}

const Json& list_of_objects(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  const Json* list = member(object, key);
  if (list == nullptr) return kNone;
  const bool holds_objects = list->is_array() && std::ranges::all_of(*list, [](const Json& item) {
                               return item.is_object();
                             });
  if (!holds_objects) bad("'prevResult.{}' must be a list of objects", key);
  return *list;
}

std::optional<PreviousResult> previous_of(const Json& json) {
  const Json* given = object_at(json, "prevResult");
  if (given == nullptr) return std::nullopt;
  PreviousResult previous;
  for (const auto& item : list_of_objects(*given, "interfaces")) {
    previous.interfaces.push_back(
        {text_at(item, "name"), text_at(item, "mac"), text_at(item, "sandbox")});
  }
  for (const auto& item : list_of_objects(*given, "ips")) {
    previous.addresses.push_back(text_at(item, "address"));
  }
  return previous;
}

Configuration read(const Json& json, std::string_view text) {
  Configuration configuration;
  configuration.version = text_at(json, "cniVersion");
  if (!is_supported(configuration.version)) {
    // CNI specification: a configuration without a version is 0.1.0.
    throw CniError{Code::IncompatibleVersion,
                   fmt::format("cniVersion '{}' is not supported", configuration.version),
                   fmt::format("supported: {}", fmt::join(kVersions, ", "))};
  }
  configuration.name = text_at(json, "name");
  if (!is_object_name(configuration.name)) bad("'name' is missing or no network name");
  configuration.socket = text_at(json, "socket");
  if (!configuration.socket.empty() && !is_clean_path(configuration.socket)) {
    bad("'socket' must be an absolute path without '..'");
  }
  configuration.pod_namespace = text_at(json, "namespace");
  if (!configuration.pod_namespace.empty() && !is_namespace_name(configuration.pod_namespace)) {
    bad("'namespace' is no namespace name: lower-case letters, digits and '-', at most 63");
  }
  configuration.mtu = mtu_of(json);
  const Json* ipam = object_at(json, "ipam");
  configuration.ipam_type = ipam == nullptr ? "" : text_at(*ipam, "type");
  if (!is_object_name(configuration.ipam_type)) {
    bad("'ipam.type' is missing or no plugin name, such as host-local");
  }
  const Json* dns = object_at(json, "dns");
  configuration.dns = dns == nullptr || dns->empty() ? "" : compact(*dns);
  configuration.labels = labels_of(json);
  configuration.previous = previous_of(json);
  configuration.text = text;
  return configuration;
}

}  // namespace

bool is_supported(std::string_view version) {
  return std::ranges::find(kVersions, version) != kVersions.end();
}

Outcome<Configuration> parse_configuration(std::string_view text) {
  if (text.size() > kLargest) {
    return refuse(Code::CannotDecode, "the configuration is larger than {} bytes", kLargest);
  }
  const Json json = parse(text);
  if (!json.is_object()) {
    return refuse(Code::CannotDecode, "the configuration on standard input is no JSON object");
  }
  try {
    return read(json, text);
  } catch (const CniError& error) {
    return tl::unexpected(error);
  }
}

std::string with_version(const Configuration& configuration, std::string_view version) {
  Json json = parse(configuration.text);
  json["cniVersion"] = version;
  return compact(json);
}

std::string version_of(std::string_view text) {
  if (text.size() > kLargest) return {};
  const Json json = parse(text);
  if (!json.is_object()) return {};
  const Json* version = member(json, "cniVersion");
  return version != nullptr && version->is_string() ? version->get<std::string>() : std::string();
}

}  // namespace bulkhead::cni
