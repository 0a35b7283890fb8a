#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/yaml_tree.hpp"

/// What a scalar means, and how a value is written so that it means the same to every reader. The rules are those of
/// YAML 1.1, which PyYAML follows: `yes` is a bool, `010` is eight, `1_000` is a thousand.
namespace agent_dispatch::yaml {

/// What a scalar without quotes is; with quotes it is always `text`.
enum class scalar_kind { null, boolean, integer, real, text };

scalar_kind kind_of(const node& scalar);

/// Null, `~`, `null` and nothing at all. A list or map is never null.
bool is_null(const node& value);

/// The text, when the value is one: not a number, bool, null, list or map.
std::optional<std::string> as_text(const node& value);

/// `true`, `yes`, `on`, 1 and their like, also in quotes.
std::optional<bool> as_boolean(const node& value);

/// A whole number, also in quotes or written as `300.0`; a bool is none. Absent too when it does not fit.
std::optional<std::int64_t> as_integer(const node& value);

/// A finite number, also in quotes; a bool is none.
std::optional<double> as_real(const node& value);

/// As it stands in the text, shortened for a sentence: `"abc"`, `a list`, `nothing`.
std::string shown(const node& value);

/// A key for a sentence: as it is when it is a name, else shortened and in double quotes.
std::string shown_name(std::string_view key);

/// A scalar that every YAML reader takes for exactly this text: plain where that is certain, else in double quotes, on
/// one line. `text` must be UTF-8.
std::string write_text(std::string_view text);

/// The shortest decimal form that reads back as the same number, without an exponent.
std::string write_real(double number);

} // namespace agent_dispatch::yaml
