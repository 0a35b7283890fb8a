#include "config/yaml_tree.hpp"

#include <algorithm>
#include <array>
#include <istream>
#include <map>
#include <optional>
#include <streambuf>
#include <unordered_map>
#include <utility>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "messages/json.hpp"

namespace agent_dispatch::yaml {

namespace {

constexpr std::string_view core_tag = "tag:yaml.org,2002:";

/// Ends yaml-cpp's parsing from inside an event; caught in `parse`.
struct refused {
  text_fault fault;
};

std::size_t line_of(const YAML::Mark& mark) { return mark.line < 0 ? 0 : static_cast<std::size_t>(mark.line) + 1; }

[[noreturn]] void refuse(std::size_t line, std::string what, std::string remedy) {
  throw refused{{line, std::move(what), std::move(remedy)}};
}

/// A collection that is not closed yet.
struct open_node {
  std::shared_ptr<node> value;
  YAML::anchor_t anchor = 0;
  node_ptr key; ///< of a map: the key that waits for its value
};

/// Without its line end. Lines count from 1; one that is not there is "".
std::string_view line_text(std::string_view text, std::size_t line) {
  for (; line > 1; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find_first_of("\r\n"));
}

class tree_builder final : public YAML::EventHandler {
public:
  explicit tree_builder(std::string_view text) : text_{text} {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!std::exchange(seen_document_, true))
      return;
    if (line_text(text_, line_of(mark)).starts_with("---"))
      refuse(line_of(mark), "a second YAML document begins here", "Keep one document: remove the line `---`.");
    refuse(line_of(mark), "the text goes on after its end", "Check the indentation and the brackets up to this line.");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(begin(node_kind::null, mark, anchor), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      refuse(line_of(mark), "an alias stands inside the very value it names",
             "Write the value out instead of using `*`.");
    place(found->second, line_of(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    auto value = begin(node_kind::scalar, mark, anchor);
    value->text = text;
    value->plain = is_plain(tag, mark);
    if (tag == "!")
      last_quoted_ = value;
    add(std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    open(node_kind::sequence, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(node_kind::map, mark, tag, anchor, style);
  }
  void OnMapEnd() override { close(); }

  /// yaml-cpp 0.7 takes the end of the text for a closing quote when a line end comes before it.
  void check_last_quote() const {
    if (last_quoted_ && !is_closed(*last_quoted_))
      refuse(last_quoted_->line, "a quoted text is not closed", "Add the missing quote.");
  }

  node_ptr take_root() { return root_ ? std::move(root_) : std::make_shared<const node>(); }

private:
  std::shared_ptr<node> begin(node_kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (++built_ > greatest_weight)
      refuse(line_of(mark), "the file holds more than " + std::to_string(greatest_weight) + " values",
             "Remove what is not a setting of agent-dispatch.");
    auto value = std::make_shared<node>();
    value->kind = kind;
    value->anchored = anchor != 0;
    value->line = line_of(mark);
    value->column = mark.column < 0 ? 0 : static_cast<std::size_t>(mark.column);
    return value;
  }

  /// yaml-cpp gives "?" to plain and "!" to quoted scalars.
  static bool is_plain(const std::string& tag, const YAML::Mark& mark) {
    if (tag == "!" || tag == std::string{core_tag} + "str")
      return false;
    check_tag(tag, mark);
    return true;
  }

  static void check_tag(const std::string& tag, const YAML::Mark& mark) {
    if (!tag.empty() && tag != "?" && tag != "!" && !tag.starts_with(core_tag))
      refuse(line_of(mark), "the tag `" + tag + "` is not known here", "Remove the tag.");
  }

  void open(node_kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    check_tag(tag, mark);
    if (open_.size() >= greatest_depth)
      refuse(line_of(mark), "values are nested more than " + std::to_string(greatest_depth) + " deep",
             "A configuration needs five levels: check the brackets and the indentation.");
    if (!open_.empty() && expects_key())
      refuse(line_of(mark), "a list or map is used as a key", "Use a plain name as the key.");
    auto value = begin(kind, mark, anchor);
    value->style = style == YAML::EmitterStyle::Flow ? node_style::flow : node_style::block;
    open_.push_back({std::move(value), anchor, nullptr});
  }

  void close() {
    auto done = std::move(open_.back());
    open_.pop_back();
    add(std::move(done.value), done.anchor);
  }

  void add(std::shared_ptr<node> value, YAML::anchor_t anchor) {
    const auto line = value->line;
    node_ptr finished = std::move(value);
    if (anchor != 0)
      anchors_[anchor] = finished;
    place(std::move(finished), line);
  }

  bool expects_key() const { return open_.back().value->kind == node_kind::map && !open_.back().key; }

  void place(node_ptr value, std::size_t line) {
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    auto& parent = open_.back();
    grow(*parent.value, *value, line);
    if (parent.value->kind == node_kind::sequence) {
      parent.value->items.push_back(std::move(value));
    } else if (!parent.key) {
      if (value->kind != node_kind::scalar && value->kind != node_kind::null)
        refuse(line, "a list or map is used as a key", "Use a plain name as the key.");
      parent.key = std::move(value);
    } else {
      const auto key = std::exchange(parent.key, nullptr);
      if (key->plain && key->text == "<<")
        merge(*parent.value, *value, line);
      else
        parent.value->entries.push_back({key, std::move(value)});
    }
  }

  bool is_closed(const node& quoted) const {
    const auto first = line_text(text_, quoted.line);
    const auto line_start = static_cast<std::size_t>(first.data() - text_.data());
    const auto begin = text_.find_first_of("'\"", line_start + std::min(quoted.column, first.size()));
    if (begin == std::string_view::npos)
      return true;
    const char quote = text_[begin];
    for (auto at = begin + 1; at < text_.size(); ++at) {
      if (text_[at] == '\\' && quote == '"')
        ++at;
      else if (text_[at] == quote && quote == '\'' && text_.substr(at + 1, 1) == "'")
        ++at;
      else if (text_[at] == quote)
        return true;
    }
    return false;
  }

  static void grow(node& parent, const node& child, std::size_t line) {
    parent.weight += child.weight;
    if (parent.weight > greatest_weight)
      refuse(line, "aliases blow the file up to more than " + std::to_string(greatest_weight) + " values",
             "Write the values out instead of using `*`.");
  }

  static void merge(node& into, const node& from, std::size_t line) {
    if (from.kind == node_kind::sequence) {
      for (const auto& item : from.items)
        merge_map(into, *item, line);
    } else {
      merge_map(into, from, line);
    }
  }

  static void merge_map(node& into, const node& from, std::size_t line) {
    if (from.kind != node_kind::map)
      refuse(line, "`<<` does not name a map", "Give `<<` an alias of a map, such as `<<: *defaults`.");
    for (const auto* source : {&from.entries, &from.merged})
      into.merged.insert(into.merged.end(), source->begin(), source->end());
  }

  std::string_view text_;
  node_ptr last_quoted_;
  std::vector<open_node> open_;
  std::map<YAML::anchor_t, node_ptr> anchors_;
  node_ptr root_;
  std::size_t built_ = 0;
  bool seen_document_ = false;
};

/// Reads from memory that it does not own.
class view_buffer final : public std::streambuf {
public:
  explicit view_buffer(std::string_view text) {
    auto* begin = const_cast<char*>(text.data()); // the get area is never written to
    setg(begin, begin, begin + text.size());
  }
};

std::size_t line_at(std::string_view text, std::size_t at) {
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

/// Bytes of the code point that begins here, or 0 when the bytes are no UTF-8.
std::size_t code_point(std::string_view rest, char32_t& value) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    value = lead;
    return 1;
  }
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || rest.size() < length)
    return 0;
  value = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80)
      return 0;
    value = (value << 6U) | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return value < least[length] || surrogate || value > 0x10ffff ? 0 : length;
}

bool is_printable(char32_t c) {
  return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) || c == 0x85 ||
         (c >= 0xa0 && c != 0xfffe && c != 0xffff);
}

/// yaml-cpp takes some control characters for the end of the text, and guesses at encodings; neither may happen here.
std::optional<text_fault> check_characters(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    char32_t c = 0;
    const auto length = code_point(text.substr(at), c);
    if (length == 0)
      return text_fault{line_at(text, at), "the text is not UTF-8", "Save the file as UTF-8."};
    if (!is_printable(c))
      return text_fault{line_at(text, at), "there is a control character in the text",
                        "Remove it, and save the file as plain UTF-8 text."};
    at += length;
  }
  return std::nullopt;
}

/// yaml-cpp scans ahead to the end of all open brackets, in a time that grows faster than their number.
std::optional<text_fault> check_brackets(std::string_view text) {
  constexpr std::ptrdiff_t most = 10'000;
  std::ptrdiff_t open = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    open += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
    if (open > most)
      return text_fault{line_at(text, at), "more than " + std::to_string(most) + " brackets are open",
                        "Close them, or remove what is not a setting of agent-dispatch."};
  }
  return std::nullopt;
}

struct advice {
  std::string_view message; ///< of yaml-cpp
  std::string_view what;
  std::string_view remedy;
};

const std::array advices{
    advice{YAML::ErrorMsg::TAB_IN_INDENTATION, "a tab is used for indentation", "Indent with spaces."},
    advice{
        YAML::ErrorMsg::MAP_VALUE, "a `: ` stands where no key can be",
        "Put text that contains `: ` in quotes; check this line's indentation, and that the line before has its `: `."},
    advice{YAML::ErrorMsg::END_OF_MAP, "a line does not fit the keys around it",
           "Check its indentation, and that every key is followed by `: `."},
    advice{YAML::ErrorMsg::END_OF_SEQ, "a line does not fit the list around it",
           "Check its indentation, and that every item begins with `- `."},
    advice{YAML::ErrorMsg::END_OF_MAP_FLOW, "a `{` is not closed", "Add the missing `}` or `,`."},
    advice{YAML::ErrorMsg::END_OF_SEQ_FLOW, "a `[` is not closed", "Add the missing `]` or `,`."},
    advice{YAML::ErrorMsg::FLOW_END, "a `]` or `}` closes nothing", "Remove it, or put the text in quotes."},
    advice{YAML::ErrorMsg::EOF_IN_SCALAR, "a quoted text is not closed", "Add the missing quote."},
    advice{YAML::ErrorMsg::UNKNOWN_ANCHOR, "an alias names nothing that was marked with `&` before it",
           "Write the value out, or put text that begins with `*` in quotes."},
    advice{YAML::ErrorMsg::BLOCK_ENTRY, "a `- ` stands where no list item can be",
           "Put text that begins with `- ` in quotes, and check the indentation."},
    advice{YAML::ErrorMsg::UNKNOWN_TOKEN, "a character cannot begin a value",
           "Put text that begins with a character such as @, %, & or a backtick in quotes."},
};

text_fault translate(const YAML::Exception& error, std::string_view text) {
  const auto line = line_text(text, line_of(error.mark));
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos)
    return {line_of(error.mark), "a tab is used for indentation", "Indent with spaces."};
  for (const auto& known : advices)
    if (error.msg.starts_with(known.message))
      return {line_of(error.mark), std::string{known.what}, std::string{known.remedy}};
  return {line_of(error.mark), "the text is not valid YAML (" + to_valid_utf8(error.msg) + ")",
          "Mend that line; text with special characters belongs in quotes."};
}

} // namespace

const entry* node::find_entry(std::string_view key) const {
  const auto named = [&](const entry& e) { return e.key->text == key && e.key->kind == node_kind::scalar; };
  if (const auto own = std::find_if(entries.rbegin(), entries.rend(), named); own != entries.rend())
    return &*own;
  const auto inherited = std::find_if(merged.begin(), merged.end(), named);
  return inherited == merged.end() ? nullptr : &*inherited;
}

const node* node::find(std::string_view key) const {
  const auto* found = find_entry(key);
  return found == nullptr ? nullptr : found->value.get();
}

std::vector<entry> node::members() const {
  std::vector<entry> result;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& entry : merged)
    if (places.emplace(entry.key->text, result.size()).second)
      result.push_back(entry);
  for (const auto& entry : entries) {
    const auto [place, fresh] = places.emplace(entry.key->text, result.size());
    if (fresh)
      result.push_back(entry);
    else
      result[place->second] = entry;
  }
  return result;
}

std::string_view without_mark(std::string_view text) {
  return text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text;
}

tl::expected<node_ptr, text_fault> parse(std::string_view text) {
  text = without_mark(text);
  if (auto bad = check_characters(text))
    return tl::make_unexpected(*std::move(bad));
  if (auto bad = check_brackets(text))
    return tl::make_unexpected(*std::move(bad));
  view_buffer buffer{text};
  std::istream stream{&buffer};
  tree_builder builder{text};
  try {
    YAML::Parser parser{stream};
    while (parser.HandleNextDocument(builder)) {
    }
    builder.check_last_quote();
  } catch (const refused& reason) {
    return tl::make_unexpected(reason.fault);
  } catch (const YAML::DeepRecursion& error) {
    return tl::make_unexpected(
        text_fault{line_of(error.mark), "values are nested far too deep", "Check the brackets and the indentation."});
  } catch (const YAML::Exception& error) {
    return tl::make_unexpected(translate(error, text));
  }
  return builder.take_root();
}

} // namespace agent_dispatch::yaml
