// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/json.h"

#include <unordered_map>

#include "policy/parse/report.h"

namespace bulkhead::parse {
namespace {

// The text is no JSON; never leaves this file.
struct NotJson {};
struct Refusal {
  Error error;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | (code >> 6));
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | (code >> 12));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | (code >> 18));
    put(0x80 | ((code >> 12) & 0x3f));
    put(0x80 | ((code >> 6) & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

class JsonReader {
 public:
  JsonReader(std::string_view text, const Limits& limits, std::uint32_t first_line)
      : text_(text), limits_(limits), line_(first_line) {}

  Node read() {
    skip_space();
    if (peek() != '{') throw NotJson{};
    Node root = read_value();
    skip_space();
    if (at_ != text_.size()) throw NotJson{};
    return root;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  // Columns count bytes, as the YAML library's do.
  char next() {
    if (at_ >= text_.size()) throw NotJson{};
    const char c = text_[at_++];
    if (c == '\n') {
      ++line_;
      column_ = 1;
    } else {
      ++column_;
    }
    return c;
  }
  void expect(char wanted) {
    if (next() != wanted) throw NotJson{};
  }
  void skip_space() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') next();
  }

  [[noreturn]] void refuse(const std::string& message) const {
    throw Refusal{{message, fmt::format("{}:{}", line_, column_)}};
  }

  Node start(Node::Kind kind) {
    if (++nodes_ > limits_.nodes) {
      refuse(fmt::format("a document of more than {} values", limits_.nodes));
    }
    Node node;
    node.kind = kind;
    node.line = line_;
    node.column = column_;
    return node;
  }

  Node read_value() {
    switch (peek()) {
      case '{':
        return read_map();
      case '[':
        return read_list();
      case '"': {
        Node node = start(Node::Kind::Scalar);
        node.scalar = read_string();
        return node;
      }
      default:
        return read_plain();
    }
  }

  void enter() {
    if (depth_ >= limits_.depth) refuse(fmt::format("nested deeper than {} levels", limits_.depth));
    ++depth_;
  }

  Node read_list() {
    enter();
    Node node = start(Node::Kind::Sequence);
    next();
    skip_space();
    while (peek() != ']') {
      node.items.push_back(read_value());
      skip_space();
      if (peek() == ']') break;
      expect(',');
      skip_space();
      if (peek() == ']') throw NotJson{};
    }
    next();
    --depth_;
    return node;
  }

  Node read_map() {
    enter();
    Node node = start(Node::Kind::Map);
    std::unordered_map<std::string, std::size_t> index;
    next();
    skip_space();
    while (peek() != '}') {
      read_key(node, index);
      skip_space();
      expect(':');
      skip_space();
      node.items.push_back(read_value());
      skip_space();
      if (peek() == '}') break;
      expect(',');
      skip_space();
      if (peek() == '}') throw NotJson{};
    }
    next();
    --depth_;
    return node;
  }

  void read_key(Node& map, std::unordered_map<std::string, std::size_t>& index) {
    if (peek() != '"') throw NotJson{};
    Node::Key key;
    key.line = line_;
    key.column = column_;
    if (++nodes_ > limits_.nodes) {
      refuse(fmt::format("a document of more than {} values", limits_.nodes));
    }
    key.name = read_string();
    const auto [known, is_new] = index.emplace(key.name, map.keys.size());
    if (!is_new) {
      const auto& first = map.keys[known->second];
      throw Refusal{{fmt::format("the field {} is repeated (first at {}:{}); keep one",
                                 in_quotes(key.name), first.line, first.column),
                     fmt::format("{}:{}", key.line, key.column)}};
    }
    map.keys.push_back(std::move(key));
  }

  std::string read_string() {
    next();
    std::string out;
    for (char c = next(); c != '"'; c = next()) {
      // A line break folds in YAML and is an error in JSON.
      if (static_cast<unsigned char>(c) < 0x20) throw NotJson{};
      if (c == '\\') {
        read_escape(out);
      } else {
        out += c;
      }
      if (out.size() > limits_.scalar_bytes) {
        refuse(fmt::format("a scalar of more than {} bytes", limits_.scalar_bytes));
      }
    }
    return out;
  }

  void read_escape(std::string& out) {
    switch (next()) {
      case '"':
        out += '"';
        return;
      case '\\':
        out += '\\';
        return;
      case '/':
        out += '/';
        return;
      case 'b':
        out += '\b';
        return;
      case 'f':
        out += '\f';
        return;
      case 'n':
        out += '\n';
        return;
      case 'r':
        out += '\r';
        return;
      case 't':
        out += '\t';
        return;
      case 'u':
        append_utf8(out, read_code_point());
        return;
      default:
        throw NotJson{};
    }
  }

  std::uint32_t read_code_point() {
    const std::uint32_t code = read_hex();
    if (code < 0xd800 || code > 0xdfff) return code;
    if (code > 0xdbff) throw NotJson{};
    expect('\\');
    expect('u');
    const std::uint32_t low = read_hex();
    if (low < 0xdc00 || low > 0xdfff) throw NotJson{};
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  }

  std::uint32_t read_hex() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = next();
      if (is_digit(c)) {
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        code = code * 16 + static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        code = code * 16 + static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        throw NotJson{};
      }
    }
    return code;
  }

  // true, false, null or a number; the decoders read its text as they read YAML's.
  Node read_plain() {
    Node node = start(Node::Kind::Scalar);
    node.is_plain = true;
    const std::size_t begin = at_;
    while (is_plain_char(peek())) next();
    node.scalar = text_.substr(begin, at_ - begin);
    if (node.scalar == "null") {
      node.kind = Node::Kind::Null;
      node.is_plain = false;
      node.scalar.clear();
    } else if (node.scalar != "true" && node.scalar != "false" && !is_number(node.scalar)) {
      throw NotJson{};
    }
    return node;
  }

  static bool is_plain_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == 'E' || c == '-' || c == '+' || c == '.';
  }

  static bool is_number(std::string_view text) {
    const auto take_digits = [&] {
      const std::size_t before = text.size();
      while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
      return text.size() != before;
    };
    if (text.starts_with('-')) text.remove_prefix(1);
    if (text.starts_with('0')) {
      text.remove_prefix(1);
    } else if (!take_digits()) {
      return false;
    }
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      if (!take_digits()) return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
      text.remove_prefix(1);
      if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
      if (!take_digits()) return false;
    }
    return text.empty();
  }

  std::string_view text_;
  const Limits& limits_;
  std::size_t at_ = 0;
  std::uint32_t line_;
  std::uint32_t column_ = 1;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

std::optional<Result<Node>> read_json(std::string_view text, const Limits& limits,
                                      std::uint32_t first_line) {
  try {
    return Result<Node>(JsonReader(text, limits, first_line).read());
  } catch (const NotJson&) {
    return {};
  } catch (Refusal& refusal) {
    return Result<Node>(tl::unexpected(std::move(refusal.error)));
  }
}

}  // namespace bulkhead::parse
