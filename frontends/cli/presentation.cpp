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

} // namespace

bool wants_colour(int descriptor, const environment_lookup& environment) {
  const auto refused = environment("NO_COLOR");
  return ::isatty(descriptor) == 1 && (!refused || refused->empty());
}

std::string painted(const cli_io& io, colour which, std::string_view text) {
  if (!io.colour)
    return std::string{text};
  return std::string{escape_of(which)}.append(text).append("\x1b[0m");
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
    io.err << painted(io, colour::red, "Error:") << ' ' << sentence << '\n';
  }
  return code;
}

} // namespace agent_dispatch
