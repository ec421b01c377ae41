// SPDX-License-Identifier: Apache-2.0
#include "policy/parse/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <optional>
#include <streambuf>
#include <unordered_map>
#include <utility>

#include "policy/parse/json.h"
#include "policy/parse/report.h"
#include "policy/parse/split.h"
#include "policy/parse/text_check.h"

namespace bulkhead::parse {
namespace {

// How much may follow a value before the next one ends. It bounds what an open quote or bracket
// costs; JSON is read without looking ahead and may be of any size.
constexpr std::size_t kAheadMost = std::size_t{128} << 10;

// Leaves the library's parser from inside an event; never leaves this file.
struct Refusal {
  Error error;
};

template <class... Args>
[[noreturn]] void refuse(const YAML::Mark& mark, fmt::format_string<Args...> format,
                         Args&&... args) {
  throw Refusal{{fmt::format(format, std::forward<Args>(args)...),
                 fmt::format("{}:{}", mark.line + 1, mark.column + 1)}};
}

// Reads borrowed bytes as a stream, without a copy, and watches that the library gets on: a flow
// collection or a quote that never ends makes it read ahead to the end of the file, slowly, before
// it says anything.
class WatchedBytes : public std::streambuf {
 public:
  WatchedBytes(std::string_view text, std::size_t most_ahead)
      : text_(text), most_ahead_(most_ahead) {}

  // The library has understood the text up to `mark`.
  void note_progress(const YAML::Mark& mark) {
    at_progress_ = served_;
    mark_ = mark;
  }

 private:
  // Throws Refusal: the library reads the buffer itself, no stream swallows it.
  int_type underflow() override {
    constexpr std::size_t kChunk = 4096;
    if (served_ == text_.size()) return traits_type::eof();
    if (served_ - at_progress_ > most_ahead_) {
      refuse(mark_,
             "{} bytes follow here without a value that ends; is a quote or a bracket left open?",
             most_ahead_);
    }
    const std::size_t size = std::min(kChunk, text_.size() - served_);
    char* first = const_cast<char*>(text_.data()) + served_;
    setg(first, first, first + size);
    served_ += size;
    return traits_type::to_int_type(*first);
  }

  std::string_view text_;
  std::size_t most_ahead_;
  std::size_t served_ = 0;
  std::size_t at_progress_ = 0;
  YAML::Mark mark_ = start_of_file();

  static YAML::Mark start_of_file() {
    YAML::Mark mark;
    mark.pos = mark.line = mark.column = 0;
    return mark;
  }
};

// Builds one document's tree from the library's events. The library recurses once a collection,
// after the event that opens it: refusing at Limits::depth there bounds its stack as well.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const Limits& limits, WatchedBytes& bytes)
      : text_(text), limits_(limits), bytes_(bytes) {}

  [[nodiscard]] Node take_root() { return std::exchange(root_, Node{}); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    bytes_.note_progress(mark);
    root_ = {};
    frames_.clear();
    flows_ = 0;
    anchors_.clear();
    nodes_ = 0;
    aliased_ = 0;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, make(mark, Node::Kind::Null), anchor, 1);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) refuse(mark, "the alias stands inside its own anchor");
    count_aliased(mark, known->second.nodes);
    if (frames_.size() + known->second.height > limits_.depth) refuse_depth(mark);
    Node copy = known->second.node;
    add(mark, std::move(copy), 0, known->second.nodes, known->second.height);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (value.size() > limits_.scalar_bytes) {
      refuse(mark, "a scalar of {} bytes; at most {} are allowed", value.size(),
             limits_.scalar_bytes);
    }
    Node node = make(mark, Node::Kind::Scalar);
    node.is_plain = tag == "?";
    check_tag(mark, tag);
    if (!node.is_plain) check_quotes(mark);
    node.scalar = value;
    count(mark, 1);
    add(mark, std::move(node), anchor, 1);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, Node::Kind::Sequence, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(mark, tag, anchor, Node::Kind::Map, style);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Node node;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    std::size_t nodes = 1;
    std::size_t height = 1;
    bool is_flow = false;                                // written in brackets or braces
    bool has_key = false;                                // a map whose last key waits for its value
    std::unordered_map<std::string, std::size_t> index;  // of large maps: name -> position
  };
  struct Anchored {
    Node node;
    std::size_t nodes = 1;
    std::size_t height = 0;
  };

  static Node make(const YAML::Mark& mark, Node::Kind kind) {
    Node node;
    node.kind = kind;
    node.line = static_cast<std::uint32_t>(mark.line + 1);
    node.column = static_cast<std::uint32_t>(mark.column + 1);
    return node;
  }

  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag == "tag:yaml.org,2002:str") return;
    refuse(mark, "the tag {} is not supported; write the value without it", in_quotes(tag));
  }

  [[noreturn]] void refuse_depth(const YAML::Mark& mark) const {
    refuse(mark, "nested deeper than {} levels", limits_.depth);
  }

  // What stands in brackets has not ended before they close: each value inside would be progress,
  // and a bracket left open would cost the whole file.
  void note_progress(const YAML::Mark& mark) {
    if (flows_ == 0) bytes_.note_progress(mark);
  }

  void count(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > limits_.nodes) {
      refuse(mark, "a document of more than {} values", limits_.nodes);
    }
  }

  void count_aliased(const YAML::Mark& mark, std::size_t nodes) {
    aliased_ += nodes;
    if (aliased_ > limits_.aliased) {
      refuse(mark, "anchors and aliases expand to more than {} values", limits_.aliased);
    }
  }

  // The mark stands at the scalar's first property (an anchor or a tag) when it has one.
  void check_quotes(const YAML::Mark& mark) const {
    auto rest = text_.substr(std::min(static_cast<std::size_t>(mark.pos), text_.size()));
    while (!rest.empty() && (rest.front() == '&' || rest.front() == '!')) {
      rest.remove_prefix(std::min(rest.find_first_of(" \t\r\n"), rest.size()));
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    }
    const bool is_quoted = !rest.empty() && (rest.front() == '"' || rest.front() == '\'');
    if (is_quoted && !is_quote_closed(rest)) refuse(mark, "the quote that opens here never closes");
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind,
            YAML::EmitterStyle::value style) {
    note_progress(mark);
    if (frames_.size() >= limits_.depth) refuse_depth(mark);
    if (tag == "tag:yaml.org,2002:str") refuse(mark, "the tag !!str belongs to a string");
    check_tag(mark, tag);
    count(mark, 1);
    Frame frame;
    frame.node = make(mark, kind);
    frame.mark = mark;
    frame.anchor = anchor;
    frame.is_flow = style == YAML::EmitterStyle::Flow;
    if (frame.is_flow) ++flows_;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.is_flow) --flows_;
    add(frame.mark, std::move(frame.node), frame.anchor, frame.nodes, frame.height);
  }

  void add(const YAML::Mark& mark, Node node, YAML::anchor_t anchor, std::size_t nodes,
           std::size_t height = 0) {
    note_progress(mark);
    if (anchor != 0) {
      count_aliased(mark, nodes);
      anchors_[anchor] = {node, nodes, height};
    }
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& parent = frames_.back();
    parent.nodes += nodes;
    parent.height = std::max(parent.height, height + 1);
    if (parent.node.kind == Node::Kind::Map && !parent.has_key) {
      add_key(mark, parent, node);
      return;
    }
    parent.node.items.push_back(std::move(node));
    parent.has_key = false;
  }

  // The key of that name, if the map has it already. Large maps are indexed, so that a file of one
  // huge map costs no quadratic time.
  static const Node::Key* find_key(Frame& map, const std::string& name) {
    constexpr std::size_t kIndexFrom = 16;
    const auto& keys = map.node.keys;
    if (keys.size() < kIndexFrom) {
      const auto found = std::find_if(keys.begin(), keys.end(),
                                      [&](const Node::Key& key) { return key.name == name; });
      return found != keys.end() ? &*found : nullptr;
    }
    for (std::size_t i = map.index.size(); i < keys.size(); ++i) map.index.emplace(keys[i].name, i);
    const auto found = map.index.find(name);
    return found != map.index.end() ? &keys[found->second] : nullptr;
  }

  static void add_key(const YAML::Mark& mark, Frame& parent, const Node& key) {
    if (!key.is_scalar()) refuse(mark, "a key must be a string, not {}", kind_text(key));
    if (const auto* first = find_key(parent, key.scalar)) {
      refuse(mark, "the field {} is repeated (first at {}:{}); keep one", in_quotes(key.scalar),
             first->line, first->column);
    }
    parent.node.keys.push_back({key.scalar, key.line, key.column});
    parent.has_key = true;
  }

  std::string_view text_;
  const Limits& limits_;
  WatchedBytes& bytes_;
  Node root_;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  std::size_t flows_ = 0;  // open flow collections
  std::size_t nodes_ = 0;
  std::size_t aliased_ = 0;
};

Status read_yaml(const Part& part, const Limits& limits,
                 const std::function<Status(const Node&)>& on_document) {
  // The library counts lines from the start of what it is given.
  std::string moved;
  if (part.first_line > 1) moved = std::string(part.first_line - 1, '\n').append(part.text);
  const std::string_view text = part.first_line > 1 ? moved : part.text;
  WatchedBytes bytes(text, kAheadMost);
  std::istream stream(&bytes);
  try {
    YAML::Parser parser(stream);
    TreeBuilder builder(text, limits, bytes);
    std::optional<std::pair<std::size_t, std::size_t>> last_place;
    while (parser.HandleNextDocument(builder)) {
      const Node root = builder.take_root();
      const std::pair<std::size_t, std::size_t> place(root.line, root.column);
      // The library reads what stands in front of no document, such as a lone comma, for ever.
      if (place == last_place) {
        return fail_at(fmt::format("{}:{}", root.line, root.column),
                       "not valid YAML: no document can begin here");
      }
      last_place = place;
      if (auto status = on_document(root); !status) return status;
    }
    return {};
  } catch (Refusal& refusal) {
    return tl::unexpected(std::move(refusal.error));
  } catch (const YAML::Exception& error) {
    return fail_at(fmt::format("{}:{}", error.mark.line + 1, error.mark.column + 1),
                   "not valid YAML: {}", printable(error.msg));
  } catch (const std::exception& error) {
    return fail_at("1:1", "not valid YAML: {}", printable(error.what()));
  }
}

}  // namespace

Status read_documents(std::string_view text, const Limits& limits,
                      const std::function<void(const Node&)>& on_document) {
  if (auto status = check_bracket_runs(text, limits.depth); !status) return status;
  // Marks count bytes behind the byte order mark.
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::size_t documents = 0;
  const auto count = [&](const Node& root) -> Status {
    if (++documents > limits.documents) {
      return fail_at(fmt::format("{}:{}", root.line, root.column),
                     "more than {} documents in one file", limits.documents);
    }
    on_document(root);
    return {};
  };
  for (const auto& part : split_documents(text)) {
    if (const auto json = read_json(part.text, limits, part.first_line)) {
      if (!*json) return tl::unexpected(json->error());
      if (auto status = count(**json); !status) return status;
    } else if (auto status = read_yaml(part, limits, count); !status) {
      return status;
    }
  }
  return {};
}

}  // namespace bulkhead::parse
