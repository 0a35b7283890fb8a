#include "frontends/cli/presentation.hpp"

#include <algorithm>
#include <ostream>

#include <unistd.h>

namespace agent_dispatch {

namespace {

std::string_view escape_of(colour which) {
  switch (which) {
  case colour::bold:
    return "\x1b[1m";
  case colour::dim:
    return "\x1b[2m";
  case colour::green:
    return "\x1b[32m";
  case colour::yellow:
    return "\x1b[33m";
  case colour::red:
    return "\x1b[31m";
  }
  return "";
}

std::string in_colour(colour which, std::string_view text) {
  return std::string{escape_of(which)}.append(text).append("\x1b[0m");
}

} // namespace

bool wants_colour(int descriptor, const environment_lookup& environment) {
  const auto refused = environment("NO_COLOR");
  const auto terminal = environment("TERM").value_or("");
  return ::isatty(descriptor) == 1 && (!refused || refused->empty()) && !terminal.empty() && terminal != "dumb";
}

std::string painted(const cli_io& io, colour which, std::string_view text) {
  return io.colour ? in_colour(which, text) : std::string{text};
}

std::string painted_note(const cli_io& io, colour which, std::string_view text) {
  return io.note_colour ? in_colour(which, text) : std::string{text};
}

std::string printable(std::string_view text) {
  std::string valid = to_valid_utf8(text);
  std::replace_if(
      valid.begin(), valid.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  // U+0080 to U+009F are control characters as well, some terminals obey them.
  for (std::size_t at = 0; (at = valid.find('\xc2', at)) != std::string::npos; ++at)
    if (static_cast<unsigned char>(valid[at + 1]) < 0xa0)
      valid.replace(at, 2, " ");
  return valid;
}

void print_json(cli_io& io, const ordered_json& json) { io.out << dump_pretty(json) << '\n'; }

int report_failure(cli_io& io, output_format format, std::string_view sentence, int code) {
  if (format == output_format::json) {
    ordered_json json;
    json["error"] = sentence;
    print_json(io, json);
  } else {
    io.err << painted_note(io, colour::red, "Error:") << ' ' << sentence << '\n';
  }
  return code;
}

} // namespace agent_dispatch
