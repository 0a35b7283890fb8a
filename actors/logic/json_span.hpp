#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace agent_dispatch {

enum class json_kind { object, array, string, number, boolean, null };

/// One JSON value inside a text, found but not parsed. It owns nothing: the text must outlive it.
///
/// Made for streams of events of which most bytes are of no interest: looking at a value costs a scan for quotes and
/// brackets, no memory and no recursion, however deep it nests. What is looked into is checked as JSON; the inside of
/// what is skipped only for matching quotes and the number of brackets, so that a text that is not quite JSON may pass.
class json_span {
public:
  /// The value that `text` consists of, blanks around it aside; nothing when it is none, or more than one.
  static std::optional<json_span> whole(std::string_view text);

  json_kind kind() const { return kind_; }
  /// The value as it stands in the text; strings with their quotes.
  std::string_view raw() const { return raw_; }

  bool is_object() const { return kind_ == json_kind::object; }
  bool is_array() const { return kind_ == json_kind::array; }
  bool is_string() const { return kind_ == json_kind::string; }

  /// A string's bytes between the quotes, escapes and all; "" for another kind.
  std::string_view escaped() const;
  /// A string, decoded (see `decode_json_string`); nothing for another kind.
  std::optional<std::string> text() const;
  /// True when this is a string and equals `expected`.
  bool is_text(std::string_view expected) const;
  /// A finite number; nothing for another kind, or when it is beyond a double.
  std::optional<double> number() const;
  std::optional<bool> boolean() const;

private:
  friend class json_cursor;
  json_span(json_kind kind, std::string_view raw) : kind_{kind}, raw_{raw} {}

  json_kind kind_;
  std::string_view raw_;
};

/// Walks over the members of an object or the elements of an array, in the order of the text.
class json_cursor {
public:
  /// For a span of another kind there is nothing to walk over.
  explicit json_cursor(json_span container);

  /// Goes to the next member or element; false at the end, or where the text stops being JSON.
  bool next();
  /// True once `next` has met something that is not JSON.
  bool broken() const { return broken_; }

  /// The current member's name; "" in an array.
  std::string_view key() const { return key_; }
  const json_span& value() const { return value_; }

private:
  bool stop(bool broken);
  bool read_key();

  std::string_view text_;
  std::size_t at_ = 0;
  json_span value_;
  std::string_view key_;
  std::string decoded_key_; ///< what `key_` shows when the name has escapes
  bool first_ = true;
  bool broken_ = false;
};

/// The text behind a JSON string's bytes between its quotes: always valid UTF-8. An invalid sequence or a lone
/// surrogate becomes U+FFFD, an unknown escape the character itself, one that is cut off at the end nothing.
std::string decode_json_string(std::string_view escaped);

/// How deep the brackets of a JSON text nest; a scan, right for valid JSON.
std::size_t nesting_depth(std::string_view json);

} // namespace agent_dispatch
