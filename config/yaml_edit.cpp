#include "config/yaml_edit.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "config/yaml_candidates.hpp"
#include "config/yaml_scalar.hpp"
#include "config/yaml_text.hpp"
#include "config/yaml_write.hpp"

namespace agent_dispatch::yaml {

namespace {

using path = std::span<const std::string_view>;

node_ptr shared(node value) { return std::make_shared<const node>(std::move(value)); }

bool has_merged(const node& map, std::string_view key) {
  return std::any_of(map.merged.begin(), map.merged.end(), [&](const entry& e) { return e.key->text == key; });
}

/// The entry of the text itself, not one that `<<` brings in.
const entry* own_entry(const node& map, std::string_view key) {
  const auto found =
      std::find_if(map.entries.rbegin(), map.entries.rend(), [&](const entry& e) { return e.key->text == key; });
  return found == map.entries.rend() ? nullptr : &*found;
}

void set(node& map, std::string_view key, node_ptr value) {
  map.kind = node_kind::map;
  const auto at =
      std::find_if(map.entries.rbegin(), map.entries.rend(), [&](const entry& e) { return e.key->text == key; });
  if (at == map.entries.rend())
    append(map, key, std::move(value));
  else
    at->value = std::move(value);
}

/// The last of that name.
void erase(node& map, std::string_view key) {
  if (has_merged(map, key)) {
    map.entries = map.members();
    map.merged.clear();
  }
  const auto at =
      std::find_if(map.entries.rbegin(), map.entries.rend(), [&](const entry& e) { return e.key->text == key; });
  if (at != map.entries.rend())
    map.entries.erase(std::next(at).base());
}

/// The tree that the new text must have. Null `value`: the key goes.
node changed(const node& map, path to, std::string_view key, const node_ptr& value) {
  node copy = map.kind == node_kind::map ? map : node{};
  if (!to.empty()) {
    const auto* inner = map.find(to.front());
    set(copy, to.front(), shared(changed(inner == nullptr ? node{} : *inner, to.subspan(1), key, value)));
  } else if (value) {
    set(copy, key, value);
  } else {
    erase(copy, key);
  }
  copy.kind = node_kind::map;
  return copy;
}

/// The entry that a path leads to, if it stands in the text and not behind an alias or a `<<`.
const entry* entry_at(const node& root, path to) {
  const node* map = &root;
  const entry* found = nullptr;
  for (const auto name : to) {
    found = map == nullptr ? nullptr : own_entry(*map, name);
    if (found == nullptr || is_alias(*found))
      return nullptr;
    map = found->value.get();
  }
  return found;
}

/// An edit of one parsed text.
class editor {
public:
  editor(std::string_view text, const node& root)
      : text_{text}, body_{without_mark(text)}, lines_{body_}, root_{root} {}

  /// The first candidate that has the wanted tree.
  std::optional<edited_text> try_all(const std::vector<candidate>& candidates, const node& wanted) const {
    for (const auto& each : candidates)
      if (const auto again = parse(each.text); again && same_value(**again, wanted))
        return edited_text{std::string{text_.substr(0, text_.size() - body_.size())}.append(each.text), each.lost};
    return std::nullopt;
  }

  /// `key: value`, or no `key`, in the map at `to`.
  std::optional<edited_text> change(path to, std::string_view key, const node_ptr& value) const {
    const auto wanted = changed(root_, to, key, value);
    const auto* owner = entry_at(root_, to);
    const map_place place{root_, owner};
    if (owner == nullptr && !(to.size() == 1 && own_entry(root_, to.front()) == nullptr))
      return std::nullopt;
    if (owner == nullptr)
      return try_all(set_candidates(lines_, {root_, nullptr}, to.front(), shared(changed({}, {}, key, value))), wanted);
    return try_all(value ? set_candidates(lines_, place, key, value) : removal_candidates(lines_, place, key), wanted);
  }

private:
  std::string_view text_;
  std::string_view body_;
  text_lines lines_;
  const node& root_;
};

std::optional<edited_text> write_anew(const node& wanted) {
  auto text = write_block(wanted, 0, 2);
  if (text.empty())
    text = "{}\n";
  if (const auto again = parse(text); again && same_value(**again, wanted))
    return edited_text{std::move(text), comment_loss::all};
  return std::nullopt;
}

bool is_map_or_null(const node& value) { return value.kind == node_kind::map || is_null(value); }

/// Parses, and checks that the section can be edited.
tl::expected<node_ptr, text_fault> parse_for(std::string_view text, std::string_view section) {
  auto parsed = parse(text);
  if (!parsed)
    return parsed;
  const auto* old = (*parsed)->find(section);
  if (!is_map_or_null(**parsed) || (old != nullptr && !is_map_or_null(*old)))
    return tl::make_unexpected(text_fault{old == nullptr ? (*parsed)->line : old->line,
                                          "`" + std::string{section} + "` cannot be added to: it is no map",
                                          "Write `key: value` lines below it, indented."});
  return parsed;
}

tl::unexpected<text_fault> no_place(const node& root, std::string_view key) {
  return tl::make_unexpected(text_fault{root.line, "`" + std::string{key} + "` finds no place in the text",
                                        "Make this change by hand, with an editor."});
}

tl::expected<edited_text, text_fault> change_section(std::string_view text, std::string_view section,
                                                     std::string_view key, const node_ptr& value) {
  const auto parsed = parse_for(text, section);
  if (!parsed)
    return tl::make_unexpected(parsed.error());
  const std::string_view to[]{section};
  if (auto done = editor{text, **parsed}.change(to, key, value))
    return *std::move(done);
  if (auto done = write_anew(changed(**parsed, to, key, value)))
    return *std::move(done);
  return no_place(**parsed, key);
}

/// One after the other, each in its place; absent when one has none.
std::optional<edited_text> change_in_place(std::string_view text, path member,
                                           const std::vector<member_change>& changes) {
  edited_text result{std::string{text}};
  for (const auto& each : changes) {
    const auto parsed = parse(result.text);
    auto done = parsed ? editor{result.text, **parsed}.change(member, each.key, each.value) : std::nullopt;
    if (!done)
      return std::nullopt;
    done->lost = std::max(done->lost, result.lost);
    result = *std::move(done);
  }
  return result;
}

/// A removal for each entry of that name; what is inherited cannot be taken away, but be something else.
std::vector<member_change> one_by_one(const node& map, const std::vector<member_change>& changes) {
  std::vector<member_change> result;
  for (const auto& each : changes) {
    if (each.value)
      result.push_back(each);
    else if (has_merged(map, each.key))
      result.push_back({each.key, each.instead ? each.instead : std::make_shared<const node>(), {}});
    else
      for (const auto& entry : map.entries)
        if (entry.key->text == each.key)
          result.push_back(each);
  }
  return result;
}

} // namespace

tl::expected<edited_text, text_fault> add_member(std::string_view text, std::string_view section, std::string_view key,
                                                 const node_ptr& value) {
  return change_section(text, section, key, value);
}

tl::expected<edited_text, text_fault> remove_member(std::string_view text, std::string_view section,
                                                    std::string_view key) {
  edited_text result{std::string{text}};
  for (;;) {
    const auto done = change_section(result.text, section, key, nullptr);
    if (!done)
      return done;
    result = {done->text, std::max(done->lost, result.lost)};
    const auto left = parse(result.text);
    const auto* members = left ? (*left)->find(section) : nullptr;
    if (members == nullptr || members->find(key) == nullptr)
      return result;
  }
}

tl::expected<edited_text, text_fault> change_member(std::string_view text, std::string_view section,
                                                    std::string_view member,
                                                    const std::vector<member_change>& changes) {
  const auto parsed = parse_for(text, section);
  if (!parsed)
    return tl::make_unexpected(parsed.error());
  const auto* at = (*parsed)->find(section);
  const auto* old = at == nullptr ? nullptr : at->find(member);
  if (old == nullptr || !is_map_or_null(*old))
    return no_place(**parsed, member);
  const auto all = one_by_one(*old, changes);
  const std::string_view to[]{section, member};
  if (auto done = change_in_place(text, to, all))
    return *std::move(done);
  node entry = old->kind == node_kind::map ? *old : node{};
  entry.kind = node_kind::map;
  for (const auto& each : all)
    entry = changed(entry, {}, each.key, each.value);
  auto anew = change_section(text, section, member, shared(std::move(entry)));
  if (anew)
    anew->lost = std::max(anew->lost, comment_loss::of_the_entry);
  return anew;
}

} // namespace agent_dispatch::yaml
