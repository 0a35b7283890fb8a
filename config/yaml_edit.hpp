#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/yaml_tree.hpp"

/// Changes to a YAML text that leave the rest of it as it is: comments, order, spacing, line ends, unknown keys.
namespace agent_dispatch::yaml {

struct edited_text {
  std::string text;
  bool comments_kept = true; ///< false: the text had to be written anew, and its comments are gone
};

/// Adds `key: value` at the end of the map `section` of the top level, which is made when it is not there or null. The
/// result is parsed again and is certain to hold what the old text held and the new member, nothing else. When no place
/// for it can be found in the text, all of it is written anew. Fails where `parse` fails on `text`, and when the top
/// level or the section is no map.
tl::expected<edited_text, text_fault> add_member(std::string_view text, std::string_view section, std::string_view key,
                                                 const node_ptr& value);

} // namespace agent_dispatch::yaml
