#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

namespace agent_dispatch {

/// Reads members of one object and remembers the first that is wrong.
class member_reader {
public:
  /// `json`: an object that outlives the reader.
  explicit member_reader(const nlohmann::json& json) : json_{json} {}

  /// Null when there is none, or null stands there.
  const nlohmann::json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  /// Leaves `target` as it is when the member is absent.
  template <class T>
  void read(const char* key, T& target) {
    const auto* member = find(key);
    if (member == nullptr)
      return;
    if constexpr (std::same_as<T, std::string>) {
      take(key, member->is_string(), [&] { target = member->get<std::string>(); });
    } else if constexpr (std::same_as<T, bool>) {
      take(key, member->is_boolean(), [&] { target = member->get<bool>(); });
    } else {
      take(key, fits_into<T>(*member), [&] { target = member->get<T>(); });
    }
  }

  template <class T>
  void read(const char* key, std::optional<T>& target) {
    if (find(key) == nullptr)
      return;
    T value{};
    read(key, value);
    if (wrong_.empty())
      target = std::move(value);
  }

  /// As `read`, for a member that must be there.
  template <class T>
  void require(const char* key, T& target) {
    if (find(key) == nullptr)
      refuse(key);
    read(key, target);
  }

  /// For what is wrong in a way that this class does not see.
  void refuse(const char* key) {
    if (wrong_.empty())
      wrong_ = key;
  }

  /// The first member that is wrong; "" when none is.
  const std::string& wrong() const { return wrong_; }

private:
  /// Converting a number to an integer type that cannot hold it is undefined.
  template <class T>
  static bool fits_into(const nlohmann::json& member) {
    if constexpr (std::floating_point<T>) {
      return member.is_number();
    } else {
      constexpr auto low = static_cast<double>(std::numeric_limits<T>::min());
      constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
      if (member.is_number_unsigned())
        return member.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
      return member.is_number() && member.get<double>() >= low && member.get<double>() < high;
    }
  }

  template <class Assign>
  void take(const char* key, bool fits, Assign assign) {
    if (fits)
      assign();
    else
      refuse(key);
  }

  const nlohmann::json& json_;
  std::string wrong_;
};

} // namespace agent_dispatch
