#include "config/yaml_candidates.hpp"

#include <algorithm>
#include <set>

#include "config/yaml_scalar.hpp"
#include "config/yaml_write.hpp"

namespace agent_dispatch::yaml {

namespace {

constexpr auto npos = std::string_view::npos;

std::size_t column_of_owner(const map_place& place) {
  return place.owner == nullptr ? place.map().column : place.owner->key->column;
}

std::size_t step_of(const map_place& place) {
  const auto column = place.map().entries.front().key->column;
  return place.owner != nullptr && column > column_of_owner(place) ? column - column_of_owner(place) : 2;
}

quoting quotes_of(std::string_view text, std::size_t first) {
  return text[first] == '"' || text.starts_with('{') ? quoting::always : quoting::where_needed;
}

node member_of(std::string_view key, const node_ptr& value) {
  node map;
  append(map, key, value);
  return map;
}

// --- additions

std::vector<candidate> append_to_document(const text_lines& lines, const map_place& place, const node& member) {
  const auto& root = place.root;
  const auto column = root.entries.empty() ? 0 : root.entries.front().key->column;
  return {{insert_lines(lines.text(), lines.start(end_of_document(lines, root.line)), write_block(member, column, 2))}};
}

std::vector<candidate> append_to_block(const text_lines& lines, const map_place& place, const node& member) {
  if (place.map().entries.empty())
    return {};
  const auto block = write_block(member, place.map().entries.front().key->column, step_of(place));
  const auto next = line_after(lines, *place.owner);
  std::vector<candidate> candidates;
  for (const auto line : {before_gap(lines, place.owner->key->line, column_of_owner(place), next), next})
    candidates.push_back({insert_lines(lines.text(), lines.start(line), block)});
  return candidates;
}

/// Length of what stands for nothing at `at`: `{}`, `~`, `null`, or no text at all; npos when it is something else.
std::size_t length_of_nothing(const text_lines& lines, const entry& owner) {
  const auto rest = lines.text().substr(lines.place(*owner.value));
  const auto line = rest.substr(0, rest.find('\n'));
  if (owner.value->kind == node_kind::map) {
    const auto close = line.find('}');
    return close == npos ? close : close + 1;
  }
  if (owner.value->line == owner.key->line)
    for (const std::string_view word : {"~", "null", "Null", "NULL"})
      if (line.starts_with(word))
        return word.size();
  return 0;
}

/// `agents:`, `agents: ~` and `agents: {}` become a block.
std::vector<candidate> fill_empty(const text_lines& lines, const entry& owner, const node& member) {
  const auto length = length_of_nothing(lines, owner);
  if (length == npos)
    return {};
  std::string text{lines.text()};
  if (length > 0) {
    const auto end = lines.place(*owner.value) + length;
    const auto begin = text.find_last_not_of(" \t", end - length - 1) + 1;
    text = replaced(text, begin, end - begin, "");
  }
  const text_lines edited{text};
  const auto block = write_block(member, owner.key->column + 2, 2);
  return {{insert_lines(text, edited.start(owner.key->line + 1), block)}};
}

/// The end of the last value before `close`: comments after it are not part of it.
std::size_t end_of_values(std::string_view text, std::size_t open, std::size_t close) {
  auto end = close;
  for (;;) {
    const auto last = text.find_last_not_of(" \t\r\n", end - 1);
    const auto line_start = text.rfind('\n', last) + 1;
    const auto line = text.substr(line_start, last + 1 - line_start);
    if (line_start <= open || !is_comment(line))
      return last + 1;
    end = line_start;
  }
}

/// Adds to `{…}`. A member on a line of its own stays one.
std::vector<candidate> append_to_flow(const text_lines& lines, const node& map, const node& member) {
  const auto text = lines.text();
  const auto open = text.find('{', lines.place(map));
  const auto close = open == npos ? open : closing_bracket(text, open);
  if (close == npos)
    return {};
  const auto end = end_of_values(text, open, close);
  const auto written = write_flow(member, quotes_of(text, text.find_first_not_of(" \t\r\n", open + 1)));
  const bool own_line = text.substr(end, close - end).find('\n') != npos;
  std::string added = text[end - 1] == ',' || text[end - 1] == '{' ? "" : ",";
  if (own_line && !map.entries.empty())
    added.append(line_end(text)).append(map.entries.back().key->column, ' ');
  else if (text[end - 1] != '{')
    added.append(" ");
  return {{replaced(text, end, 0, added.append(written, 1, written.size() - 2))}};
}

std::vector<candidate> additions(const text_lines& lines, const map_place& place, const node& member) {
  const auto& map = place.map();
  const bool flow_root = place.root.kind == node_kind::map && place.root.style == node_style::flow;
  std::vector<candidate> candidates;
  if (place.owner == nullptr)
    return flow_root ? append_to_flow(lines, map, member) : append_to_document(lines, place, member);
  if (!flow_root && (is_null(map) || (map.style == node_style::flow && map.entries.empty())))
    candidates = fill_empty(lines, *place.owner, member);
  if (map.kind != node_kind::map)
    return candidates;
  auto more =
      map.style == node_style::flow ? append_to_flow(lines, map, member) : append_to_block(lines, place, member);
  candidates.insert(candidates.end(), more.begin(), more.end());
  return candidates;
}

// --- replacements

bool has_comment(std::string_view lines) { return lines.find('#') != npos; }

/// The value where it stands, when it can be written there.
std::vector<candidate> replace_inline(const text_lines& lines, const map_place& place, const entry& old,
                                      const node_ptr& value) {
  const auto text = lines.text();
  const auto style = place.map().style;
  const auto at = start_of_value(lines, old, style);
  const auto end = at == npos ? npos : end_of_value(text, at, style);
  if (end == npos)
    return {};
  const auto quotes = style == node_style::flow ? quotes_of(text, lines.place(*old.key)) : quoting::where_needed;
  const auto lost = has_comment(text.substr(at, end - at)) ? comment_loss::of_the_entry : comment_loss::none;
  return {{replaced(text, at, end - at, write_flow(*value, quotes)), lost}};
}

/// The entry on lines of its own, from its key on.
std::vector<candidate> replace_lines(const text_lines& lines, const map_place& place, const entry& old,
                                     const node_ptr& value) {
  const auto text = lines.text();
  const auto column = old.key->column;
  const auto block = write_block(member_of(old.key->text, value), column, step_of(place));
  const auto begin = lines.start(old.key->line);
  const auto end = lines.start(before_gap(lines, old.key->line, column, line_after(lines, old)));
  const auto lost = has_comment(text.substr(begin, end - begin)) ? comment_loss::of_the_entry : comment_loss::none;
  return {{insert_lines(replaced(text, begin, end - begin, ""), begin, block), lost}};
}

std::vector<candidate> replacements(const text_lines& lines, const map_place& place, const entry& old,
                                    const node_ptr& value) {
  if (place.map().style == node_style::flow)
    return replace_inline(lines, place, old, value);
  std::vector<candidate> candidates;
  const bool was_flow = (old.value->kind == node_kind::sequence || old.value->kind == node_kind::map) &&
                        old.value->style == node_style::flow && !is_alias(old);
  const bool fits_inline = was_flow || (value->items.empty() && value->entries.empty());
  if (fits_inline)
    candidates = replace_inline(lines, place, old, value);
  auto more = replace_lines(lines, place, old, value);
  candidates.insert(candidates.end(), more.begin(), more.end());
  return candidates;
}

// --- removals

/// `{a: 1, b: 2}` without one of them. An entry on a line of its own takes the line with it.
std::vector<candidate> remove_from_flow(const text_lines& lines, const map_place& place, const entry& old) {
  const auto text = lines.text();
  const auto begin = lines.place(*old.key);
  const auto value = start_of_value(lines, old, node_style::flow);
  const auto stop = end_of_flow_entry(text, begin);
  const auto end = value == npos ? npos : end_of_value(text, value, node_style::flow);
  if (stop == npos || end == npos)
    return {};
  if (text[stop] == ',') {
    const auto next = std::min(text.find_first_not_of(" \t", stop + 1), text.size());
    const auto line_start = lines.start(lines.line_of(begin));
    const auto after = text.find_first_not_of("\r", next);
    if (is_blank(text.substr(line_start, begin - line_start)) && after != npos && text[after] == '\n')
      return {{replaced(text, line_start, after + 1 - line_start, "")}};
    return {{replaced(text, begin, next - begin, "")}};
  }
  const auto& entries = place.map().entries;
  const auto at = std::find_if(entries.begin(), entries.end(), [&](const entry& e) { return e.key == old.key; });
  if (at == entries.begin())
    return {{replaced(text, begin, end - begin, "")}};
  const auto comma = end_of_flow_entry(text, lines.place(*std::prev(at)->key));
  if (comma == npos || comma > begin)
    return {};
  if (text.substr(comma + 1, begin - comma - 1).find_first_not_of(" \t\r\n") == npos)
    return {{replaced(text, comma, end - comma, "")}};
  return {{replaced(replaced(text, begin, end - begin, ""), comma, 1, "")}};
}

std::size_t after_blank_lines(const text_lines& lines, std::size_t line) {
  while (line <= lines.count() && is_blank(lines.line(line)))
    ++line;
  return line;
}

std::vector<candidate> remove_lines(const text_lines& lines, const map_place& place, const entry& old) {
  const auto text = lines.text();
  const auto first = old.key->line;
  const auto gap = before_gap(lines, first, old.key->column, line_after(lines, old));
  const bool after_gap = first > 1 && (is_blank(lines.line(first - 1)) || first - 1 == place.owner->key->line);
  std::set<std::size_t> ends{gap, after_blank_lines(lines, gap)};
  std::vector<candidate> candidates;
  for (const auto line : ends)
    candidates.push_back({replaced(text, lines.start(first), lines.start(line) - lines.start(first), "")});
  if (after_gap)
    std::reverse(candidates.begin(), candidates.end());
  return candidates;
}

/// The last entry goes: `{}` stays.
std::vector<candidate> remove_only(const text_lines& lines, const map_place& place, const entry& old) {
  const auto end_of_key_line = lines.start(place.owner->key->line) + lines.line(place.owner->key->line).size();
  const auto value = std::min(start_of_value(lines, *place.owner, node_style::block), end_of_key_line);
  std::vector<candidate> candidates;
  for (const auto& without : remove_lines(lines, place, old)) {
    const auto colon = without.text.find_last_not_of(" \t", value - 1);
    candidates.push_back({replaced(without.text, colon + 1, 0, " {}"), without.lost});
  }
  return candidates;
}

} // namespace

bool is_alias(const entry& e) {
  if (e.value->kind == node_kind::null)
    return false;
  return e.value->line < e.key->line || (e.value->line == e.key->line && e.value->column < e.key->column);
}

std::vector<candidate> set_candidates(const text_lines& lines, const map_place& place, std::string_view key,
                                      const node_ptr& value) {
  const auto& entries = place.map().entries;
  const auto old = std::find_if(entries.rbegin(), entries.rend(), [&](const entry& e) { return e.key->text == key; });
  if (old == entries.rend())
    return additions(lines, place, member_of(key, value));
  return replacements(lines, place, *old, value);
}

std::vector<candidate> removal_candidates(const text_lines& lines, const map_place& place, std::string_view key) {
  const auto& map = place.map();
  const auto old =
      std::find_if(map.entries.rbegin(), map.entries.rend(), [&](const entry& e) { return e.key->text == key; });
  if (old == map.entries.rend() || place.owner == nullptr)
    return {};
  if (map.style == node_style::flow)
    return remove_from_flow(lines, place, *old);
  if (map.entries.size() == 1 && map.merged.empty())
    return remove_only(lines, place, *old);
  return remove_lines(lines, place, *old);
}

} // namespace agent_dispatch::yaml
