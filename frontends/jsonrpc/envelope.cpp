#include "frontends/jsonrpc/envelope.hpp"

#include <optional>

#include "frontends/jsonrpc/repair.hpp"

namespace agent_dispatch::jsonrpc {

namespace {

using json = nlohmann::json;

/// Events of the parser; only scalars directly inside the outermost object count.
class envelope_reader final : public json::json_sax_t {
public:
  explicit envelope_reader(envelope& found) : found_{found} {}

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t value) override { return take(value); }
  bool number_unsigned(number_unsigned_t value) override { return take(value); }
  bool number_float(number_float_t value, const string_t&) override { return take(value); }
  bool string(string_t& value) override {
    if (depth_ == 1 && key_ == "method")
      found_.method = value;
    return take(value);
  }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override {
    const bool is_batch = depth_ == 0;
    return enter() && !is_batch;
  }
  bool end_array() override { return leave(); }
  bool key(string_t& name) override {
    if (depth_ != 1)
      return true;
    key_ = name;
    if (key_ == "id") // of members given twice the last counts, as in `parse`
      found_.id = nullptr;
    if (key_ == "method")
      found_.method.clear();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
  template <class Value>
  bool take(const Value& value) {
    if (depth_ == 1 && key_ == "id")
      found_.id = value;
    return true;
  }
  bool enter() {
    ++depth_;
    return true;
  }
  bool leave() {
    --depth_;
    return true;
  }

  envelope& found_;
  std::size_t depth_ = 0;
  std::string key_;
};

} // namespace

envelope read_envelope(std::string_view line) {
  const auto read = [](std::string_view text) -> std::optional<envelope> {
    envelope found;
    envelope_reader reader{found};
    if (!json::sax_parse(text.begin(), text.end(), &reader))
      return std::nullopt;
    return found;
  };
  auto found = read(line);
  if (!found)
    found = read(repair(line));
  return found.value_or(envelope{});
}

std::vector<std::string_view> batch_parts(std::string_view line) {
  constexpr std::string_view blank = " \t\r";
  const auto begin = line.find_first_not_of(blank);
  if (begin == std::string_view::npos || line[begin] != '[')
    return {};
  std::vector<std::string_view> parts;
  std::size_t depth = 0;
  bool in_string = false;
  auto part = begin + 1;
  const auto take = [&](std::size_t end) {
    const auto text = line.substr(part, end - part);
    if (text.find_first_not_of(blank) != std::string_view::npos)
      parts.push_back(text);
    part = end + 1;
  };
  for (auto at = part; at < line.size(); ++at) {
    const char c = line[at];
    if (in_string) {
      at += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (depth > 0) {
      depth -= c == ']' || c == '}' ? 1 : 0;
    } else if (c == ',') {
      take(at);
    } else if (c == ']') {
      take(at);
      return line.find_first_not_of(blank, at + 1) == std::string_view::npos ? parts : std::vector<std::string_view>{};
    }
  }
  return {};
}

} // namespace agent_dispatch::jsonrpc
