// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/base/result.h"
#include "policy/parse/objects.h"

namespace bulkhead::parse {

// What a file may cost. Beyond a limit the file is broken: one error, and no more work is done.
struct Limits {
  std::size_t file_bytes = std::size_t{32} << 20;
  std::size_t scalar_bytes = std::size_t{10} << 20;
  std::size_t depth = 64;           // nested collections
  std::size_t nodes = 4'000'000;    // per document
  std::size_t aliased = 100'000;    // nodes that aliases expand to, per document
  std::size_t documents = 100'000;  // per file
  std::size_t errors = 100;         // per file; the rest is summed up in one line
};

// One file, read. The messages carry their place in `where` ("web.yaml:12:7").
struct ParsedFile {
  std::string name;
  Objects objects;              // empty when the file is broken (law 10)
  std::vector<Error> errors;    // what is wrong and what would be right
  std::vector<Error> warnings;  // accepted, but not as written: a CIDR with host bits
  std::vector<Error> notes;     // skipped kinds

  // Of a broken file: the namespaces its objects belong to. They are to be closed when the file was
  // never accepted.
  std::set<std::string> named_namespaces;
  // False when a broken file holds an object whose namespace cannot be told: then nothing new may
  // be published. Always true for a good file.
  bool is_scope_known = true;

  bool is_without_text = false;  // nothing but white space

  [[nodiscard]] bool is_broken() const { return !errors.empty(); }
};

struct Parsed {
  std::vector<ParsedFile> files;  // in the order given, folders' files sorted by path

  [[nodiscard]] bool is_broken() const;
  // The objects of all files that are not broken.
  [[nodiscard]] Objects objects() const;
  // Every error of every file, in order.
  [[nodiscard]] std::vector<Error> errors() const;
};

// Reads one file's text: YAML (several documents) or JSON. `file_name` only labels messages. Never
// fails as a whole, never throws; bounded in time and memory by `limits`.
[[nodiscard]] ParsedFile parse_file_text(std::string_view file_name, std::string_view text,
                                         const Limits& limits = {});
// The same as a Parsed of one file.
[[nodiscard]] Parsed parse_text(std::string_view file_name, std::string_view text,
                                const Limits& limits = {});

// Reads one file from disk; what cannot be opened or read is a broken file of unknown scope.
[[nodiscard]] ParsedFile parse_file(const std::filesystem::path& path, const Limits& limits = {});

// Files, folders (see policy_files) and "-" for standard input.
[[nodiscard]] Parsed parse_paths(const std::vector<std::string>& paths, const Limits& limits = {});

// True for names ending in .yaml, .yml or .json that neither start with a dot nor end in `~`.
[[nodiscard]] bool is_policy_file_name(std::string_view name);

// Every policy file below `folder`, sorted by path. Dot folders are skipped, links to files are
// followed, links to folders are not.
[[nodiscard]] Result<std::vector<std::filesystem::path>> policy_files(
    const std::filesystem::path& folder);

}  // namespace bulkhead::parse
