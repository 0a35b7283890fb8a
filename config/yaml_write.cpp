#include "config/yaml_write.hpp"

#include <algorithm>

#include "config/yaml_scalar.hpp"

namespace agent_dispatch::yaml {

namespace {

std::shared_ptr<node> make_scalar(std::string_view text, bool plain) {
  auto value = std::make_shared<node>();
  value->kind = node_kind::scalar;
  value->text = text;
  value->plain = plain;
  return value;
}

std::string write_scalar(const node& value, quoting quotes) {
  if (is_null(value))
    return "null";
  if (kind_of(value) != scalar_kind::text)
    return value.text;
  auto text = write_text(value.text);
  return quotes == quoting::always && !text.starts_with('"') ? '"' + text + '"' : text;
}

bool is_empty(const node& value) { return value.items.empty() && value.entries.empty() && value.merged.empty(); }

void write_items(std::string& out, const node& list, std::size_t indent, std::size_t step);

void write_members(std::string& out, const node& map, std::size_t indent, std::size_t step) {
  for (const auto& [key, value] : map.members()) {
    out.append(indent, ' ').append(write_scalar(*key, quoting::where_needed)).append(":");
    if (value->kind == node_kind::map && !is_empty(*value)) {
      out.append("\n");
      write_members(out, *value, indent + step, step);
    } else if (value->kind == node_kind::sequence && !is_empty(*value)) {
      out.append("\n");
      write_items(out, *value, indent + step, step);
    } else {
      out.append(" ").append(write_flow(*value)).append("\n");
    }
  }
}

void write_items(std::string& out, const node& list, std::size_t indent, std::size_t step) {
  for (const auto& item : list.items) {
    out.append(indent, ' ').append("- ");
    if (item->kind == node_kind::map && !is_empty(*item)) {
      std::string members;
      write_members(members, *item, indent + 2, step);
      out.append(members, indent + 2); // the first key stands on the line of the dash
    } else {
      out.append(write_flow(*item)).append("\n");
    }
  }
}

} // namespace

node_ptr make_text(std::string_view text) { return make_scalar(text, false); }
node_ptr make_plain(std::string_view text) { return make_scalar(text, true); }

node_ptr make_list(const std::vector<std::string>& texts) {
  auto list = std::make_shared<node>();
  list->kind = node_kind::sequence;
  for (const auto& text : texts)
    list->items.push_back(make_text(text));
  return list;
}

void append(node& map, std::string_view key, node_ptr value) {
  map.kind = node_kind::map;
  map.entries.push_back({make_text(key), std::move(value)});
}

std::string write_flow(const node& value, quoting quotes) {
  std::string out;
  if (value.kind == node_kind::sequence) {
    for (const auto& item : value.items)
      out.append(out.empty() ? "[" : ", ").append(write_flow(*item, quotes));
    return out.empty() ? "[]" : out + "]";
  }
  if (value.kind == node_kind::map) {
    for (const auto& [key, member] : value.members())
      out.append(out.empty() ? "{" : ", ")
          .append(write_scalar(*key, quotes))
          .append(": ")
          .append(write_flow(*member, quotes));
    return out.empty() ? "{}" : out + "}";
  }
  return write_scalar(value, quotes);
}

std::string write_block(const node& map, std::size_t indent, std::size_t step) {
  std::string out;
  write_members(out, map, indent, step);
  return out;
}

bool same_value(const node& left, const node& right) {
  if (is_null(left) || is_null(right))
    return is_null(left) && is_null(right);
  if (left.kind != right.kind)
    return false;
  if (left.kind == node_kind::scalar)
    return left.text == right.text && kind_of(left) == kind_of(right);
  if (left.kind == node_kind::sequence)
    return std::equal(left.items.begin(), left.items.end(), right.items.begin(), right.items.end(),
                      [](const node_ptr& a, const node_ptr& b) { return same_value(*a, *b); });
  const auto ours = left.members();
  const auto theirs = right.members();
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(), [](const entry& a, const entry& b) {
    return same_value(*a.key, *b.key) && same_value(*a.value, *b.value);
  });
}

} // namespace agent_dispatch::yaml
