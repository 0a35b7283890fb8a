#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_tree.hpp"

/// Changes to a YAML text that leave the rest of it as it is: comments, order, spacing, line ends, unknown keys.
///
/// Each result is parsed again and is certain to hold what it should and nothing else. Where the text has no place for
/// a change, the member is written anew, and where that does not help either (other values refer to it), the whole
/// text. All fail where `parse` fails on `text`, and when the top level or the section is no map.
namespace agent_dispatch::yaml {

/// What an edit cost. Values and keys are never lost.
enum class comment_loss {
  none,
  of_the_entry, ///< comments inside the entry that was changed may be gone
  all,          ///< the whole text was written anew
};

struct edited_text {
  std::string text;
  comment_loss lost = comment_loss::none;
};

/// Adds `key: value` at the end of the map `section` of the top level, which is made when it is not there or null.
tl::expected<edited_text, text_fault> add_member(std::string_view text, std::string_view section, std::string_view key,
                                                 const node_ptr& value);

/// Removes all that `section` has under `key`, with the comments inside it. It must be there.
tl::expected<edited_text, text_fault> remove_member(std::string_view text, std::string_view section,
                                                    std::string_view key);

/// `key: value`, or without a value the removal of `key`.
struct member_change {
  std::string key;
  node_ptr value;
  node_ptr instead{}; ///< of a removal: what is set where a `<<` brings the key in, which cannot be taken away
};

/// Makes changes in the map that `section` has under `member`, one after the other. A key that is not there is added at
/// its end. One that is to be removed but comes from a `<<` becomes `instead`, or null.
tl::expected<edited_text, text_fault> change_member(std::string_view text, std::string_view section,
                                                    std::string_view member, const std::vector<member_change>& changes);

} // namespace agent_dispatch::yaml
