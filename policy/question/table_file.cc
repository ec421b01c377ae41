// SPDX-License-Identifier: Apache-2.0
#include "policy/question/table_file.h"

#include <array>
#include <cstring>

#include "policy/question/table_names.h"

namespace bulkhead::question {
namespace {

constexpr std::array<char, 8> kFileMagic = {'B', 'H', 'T', 'A', 'B', 'L', 'E', '\n'};
constexpr std::uint32_t kFileVersion = 1;
constexpr std::uint32_t kNamesPart = 0xffffffff;
constexpr std::uint64_t kAlignment = 64;

struct FileHeader {
  std::array<char, 8> magic = kFileMagic;
  std::uint32_t version = kFileVersion;
  std::uint32_t parts = 0;
  std::uint64_t revision = 0;
  std::uint64_t size = 0;      // of the whole file
  std::uint64_t checksum = 0;  // of the directory
};
static_assert(sizeof(FileHeader) == 40);

struct FilePart {
  std::uint32_t kind = 0;
  std::uint32_t reserved = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t checksum = 0;
};
static_assert(sizeof(FilePart) == 32);

std::uint64_t aligned(std::uint64_t offset) {
  return (offset + kAlignment - 1) / kAlignment * kAlignment;
}

Result<FileHeader> read_header(std::span<const std::byte> bytes) {
  FileHeader header;
  if (bytes.size() < sizeof(header)) return fail("is too short for a policy table");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kFileMagic) return fail("is no policy table (policy compile writes one)");
  if (header.version != kFileVersion) {
    return fail("has version {}, this program reads {}", header.version, kFileVersion);
  }
  if (header.size != bytes.size()) {
    return fail("has {} bytes, its header says {}", bytes.size(), header.size);
  }
  if (header.parts > table::kMaxSections + 1) return fail("has {} parts, too many", header.parts);
  if (bytes.size() - sizeof(header) < header.parts * sizeof(FilePart)) {
    return fail("ends inside its directory");
  }
  return header;
}

Result<std::vector<FilePart>> read_directory(std::span<const std::byte> bytes,
                                             const FileHeader& header) {
  std::vector<FilePart> parts(header.parts);
  const auto directory = bytes.subspan(sizeof(header), parts.size() * sizeof(FilePart));
  if (table::checksum_of(directory.data(), directory.size()) != header.checksum) {
    return fail("is damaged: the directory's checksum does not fit");
  }
  if (!parts.empty()) std::memcpy(parts.data(), directory.data(), directory.size());
  for (const auto& part : parts) {
    const bool is_inside = part.offset <= bytes.size() && part.size <= bytes.size() - part.offset;
    if (!is_inside) return fail("is damaged: a part lies outside the file");
    if (table::checksum_of(bytes.data() + part.offset, part.size) != part.checksum) {
      return fail("is damaged: a part's checksum does not fit");
    }
  }
  return parts;
}

}  // namespace

std::vector<std::byte> write_table_file(const compile::CompiledTable& table) {
  const std::string names = names_text(table);
  std::vector<table::SectionBytes> contents = table.section_bytes();
  contents.push_back({kNamesPart, table::checksum_of(names.data(), names.size()),
                      std::as_bytes(std::span(names.data(), names.size()))});
  std::vector<FilePart> parts;
  std::uint64_t end = sizeof(FileHeader) + contents.size() * sizeof(FilePart);
  for (const auto& content : contents) {
    const std::uint64_t offset = aligned(end);
    parts.push_back({content.kind, 0, offset, content.bytes.size(), content.checksum});
    end = offset + content.bytes.size();
  }
  FileHeader header;
  header.parts = static_cast<std::uint32_t>(parts.size());
  header.revision = table.revision.value;
  header.size = end;
  header.checksum = table::checksum_of(parts.data(), parts.size() * sizeof(FilePart));

  std::vector<std::byte> bytes(end);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::memcpy(bytes.data() + sizeof(header), parts.data(), parts.size() * sizeof(FilePart));
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (contents[i].bytes.empty()) continue;
    std::memcpy(bytes.data() + parts[i].offset, contents[i].bytes.data(), parts[i].size);
  }
  return bytes;
}

Result<compile::CompiledTable> read_table_file(std::span<const std::byte> bytes) {
  const auto header = read_header(bytes);
  if (!header) return tl::unexpected(header.error());
  const auto parts = read_directory(bytes, *header);
  if (!parts) return tl::unexpected(parts.error());

  compile::CompiledTable table;
  table.revision = Revision{header->revision};
  std::string names;
  for (const auto& part : *parts) {
    const auto content = bytes.subspan(part.offset, part.size);
    if (part.kind == kNamesPart) {
      names.assign(reinterpret_cast<const char*>(content.data()), content.size());
    } else {
      table.sections.push_back(
          {part.kind, part.checksum, std::vector<std::byte>(content.begin(), content.end())});
    }
  }
  const auto view = table::TableView::open(table.section_bytes());
  if (!view) return in_context("is no good table", view.error());
  if (view->revision() != table.revision) {
    return fail("is damaged: its header and its sections name different revisions");
  }
  if (auto read = read_names(names, *view, table); !read) {
    return in_context("is damaged: names", read.error());
  }
  return table;
}

}  // namespace bulkhead::question
