#pragma once

#include <string>

namespace agent_dispatch {

/// The shortest decimal that reads back as `value`: "0.5", "2"; never an exponent, whatever the locale. For a finite
/// value only.
std::string decimal(double value);

/// An amount of US dollars for people: at least two and at most four decimals, "$0.50", "$0.0042".
std::string dollars(double amount);

} // namespace agent_dispatch
