// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/case.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace bulkhead::conformance {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool fits(const std::string& pattern, const std::string& name) {
  if (pattern == "*" || pattern == name) return true;
  return pattern.ends_with('*') && name.starts_with(pattern.substr(0, pattern.size() - 1));
}

class Reader {
 public:
  Case take() { return std::move(case_); }

  // The objects written from here to the next step are there before anything is asked.
  void begin_step(std::string objects) { edits_.emplace_back(Written{std::move(objects)}); }

  void read(const std::string& line) {
    const Words words = words_of(line);
    if (words.empty()) return;
    if (words[0] == "|") return read_table_row(words);
    columns_.clear();
    const std::string& verb = words[0];
    if (verb == "probe") return read_probes(words);
    if (verb == "change") {
      edits_.emplace_back(Change{{words.begin() + 1, words.end()}});
      return;
    }
    if (verb == "allow" || verb == "deny") {
      const auto verdict = verb == "allow" ? Verdict::Allow : Verdict::Deny;
      block().verdicts.push_back({words.at(1), words.at(2), verdict});
      return;
    }
    if (verb == "rule") {
      const auto direction = words.at(3) == "egress" ? Direction::Egress : Direction::Ingress;
      block().rules.push_back({words.at(1), words.at(2), direction, words.at(4)});
      return;
    }
    read_setting(words);
  }

 private:
  Block& block() {
    if (case_.blocks.empty()) throw std::runtime_error("a probe must come first");
    return case_.blocks.back();
  }

  void read_probes(const Words& words) {
    Block block;
    block.edits = edits_;
    for (std::size_t i = 1; i < words.size(); ++i) {
      block.probes.push_back(question::parse_probe(words[i]).value());
    }
    case_.blocks.push_back(std::move(block));
  }

  void read_table_row(const Words& words) {
    if (columns_.empty()) {
      columns_.assign(words.begin() + 1, words.end());
      return;
    }
    if (words.size() != columns_.size() + 2) throw std::runtime_error("a row of another length");
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string& mark = words[i + 2];
      if (mark != "." && mark != "X" && mark != "-") throw std::runtime_error("bad mark " + mark);
      if (mark == "-") continue;
      block().verdicts.push_back(
          {words[1], columns_[i], mark == "." ? Verdict::Allow : Verdict::Deny});
    }
  }

  void read_setting(const Words& words) {
    auto& settings = case_.settings;
    const std::string& verb = words[0];
    if (verb == "default") {
      settings.default_verdict = words.at(1) == "deny" ? Verdict::Deny : Verdict::Allow;
    } else if (verb == "no-default-dns") {
      settings.default_dns = false;
    } else if (verb == "exempt") {
      settings.exempt.insert(words.at(1));
    } else if (verb == "pod-cidr") {
      settings.pod_cidrs.push_back(Prefix::parse(words.at(1)).value().prefix);
    } else if (verb == "dns-address") {
      settings.dns_addresses.push_back(IpAddress::parse(words.at(1)).value());
    } else if (verb == "dns-pods") {
      settings.dns_namespace = words.at(1);
      const auto equals = words.at(2).find('=');
      settings.dns_pods.match_labels.emplace(words[2].substr(0, equals),
                                             words[2].substr(equals + 1));
    } else if (verb == "external") {
      case_.externals.push_back(Prefix::parse(words.at(1)).value().prefix);
    } else if (verb == "family") {
      case_.families = {words.at(1) == "4" ? Family::V4 : Family::V6};
    } else if (verb == "use") {
      case_.inventory.push_back(words.at(1));
    } else {
      throw std::runtime_error("unknown word " + verb);
    }
  }

  Case case_;
  Words columns_;  // of the table being read
  std::vector<Edit> edits_;
};

bool is_step(const std::string& line) {
  return line.starts_with("#:") && words_of(line.substr(2)) == Words{"step"};
}

// The text from each step to the next; lines before it are left empty, so that errors name the
// line of the file.
std::vector<std::string> texts_of_steps(const std::vector<std::string>& lines) {
  std::vector<std::string> texts(1);
  for (std::size_t number = 0; number < lines.size(); ++number) {
    if (is_step(lines[number])) texts.emplace_back(number, '\n');
    texts.back() += lines[number] + "\n";
  }
  return texts;
}

}  // namespace

Case read_case(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  const auto texts = texts_of_steps(lines);
  Reader reader;
  reader.begin_step(texts.front());
  std::size_t step = 0;
  std::size_t number = 0;
  for (const auto& line : lines) {
    ++number;
    if (!line.starts_with("#:")) continue;
    try {
      if (is_step(line)) {
        reader.begin_step(texts.at(++step));
      } else {
        reader.read(line.substr(2));
      }
    } catch (const std::exception& error) {
      throw std::runtime_error(fmt::format("{}:{}: {}", file.string(), number, error.what()));
    }
  }
  return reader.take();
}

Verdict expected_verdict(const Block& block, const std::string& from, const std::string& to) {
  if (from == to) return Verdict::Allow;
  Verdict verdict = Verdict::Allow;
  for (const auto& expectation : block.verdicts) {
    if (fits(expectation.from, from) && fits(expectation.to, to)) verdict = expectation.verdict;
  }
  return verdict;
}

}  // namespace bulkhead::conformance
