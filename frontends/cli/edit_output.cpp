#include "frontends/cli/edit_output.hpp"

#include <ostream>

namespace agent_dispatch {

int report_edit(cli_io& io, output_format format, const ordered_json& answer, std::string_view sentence,
                const edit_notes& notes) {
  for (const auto& note : notes)
    io.err << painted_note(io, colour::yellow, "Note:") << ' ' << printable(note) << '\n';
  if (format == output_format::json)
    print_json(io, with_notes(answer, notes));
  else
    io.out << sentence << '\n';
  return exit_success;
}

std::string edit_sentence(const cli_io& io, std::string_view verb, std::string_view kind, std::string_view name) {
  return painted(io, colour::green, verb).append(" ").append(kind).append(" '").append(printable(name)).append("'");
}

std::string list_of_fields(const std::vector<std::string_view>& fields) {
  std::string text;
  for (const auto field : fields)
    text.append(text.empty() ? "" : ", ").append(field);
  return text;
}

} // namespace agent_dispatch
