#include "actors/run/launch_order.hpp"

#include <algorithm>
#include <cstring>

#include "actors/run/run_directory.hpp"

namespace agent_dispatch {

namespace {

constexpr std::string_view magic = "ADrun\r\n\x1a";
constexpr std::uint32_t format = 1;

class writer {
public:
  template <class Integer>
  void number(Integer value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
  }
  void texts(const std::vector<std::string>& values) {
    number(static_cast<std::uint32_t>(values.size()));
    for (const auto& value : values)
      text(value);
  }
  void raw(std::string_view value) { bytes_.append(value); }
  std::string take() { return std::move(bytes_); }

private:
  std::string bytes_;
};

/// After the first thing that does not fit, everything reads as nothing and `good` is false.
class reader {
public:
  explicit reader(std::string_view bytes) : rest_{bytes} {}

  std::string_view raw(std::size_t size) {
    if (size > rest_.size()) {
      good_ = false;
      rest_ = {};
      return {};
    }
    const auto part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }
  template <class Integer>
  Integer number() {
    Integer value{};
    if (const auto part = raw(sizeof value); !part.empty())
      std::memcpy(&value, part.data(), sizeof value);
    return value;
  }
  std::string text() {
    std::string value{raw(number<std::uint32_t>())};
    good_ = good_ && value.find('\0') == std::string::npos;
    return value;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> values;
    for (auto count = number<std::uint32_t>(); good_ && count > 0; --count)
      values.push_back(text()); // no reserve: the count is not to be trusted, the bytes are
    return values;
  }
  bool ended() const { return good_ && rest_.empty(); }
  bool good() const { return good_; }

private:
  std::string_view rest_;
  bool good_ = true;
};

bool has_nul(const std::vector<std::string>& values) {
  return std::any_of(values.begin(), values.end(), [](const auto& v) { return v.find('\0') != std::string::npos; });
}

/// The sweep finds a run's processes by this variable, so it is there once, with this run's key.
std::vector<std::string> with_mark(const launch_order& order) {
  const std::string name = std::string{run_variable} + '=';
  const std::string mark = name + order.run.value;
  std::vector<std::string> environment;
  environment.reserve(order.environment.size() + 1);
  bool marked = false;
  for (const auto& entry : order.environment) {
    const bool is_mark = entry.compare(0, name.size(), name) == 0;
    if (!is_mark || (entry == mark && !marked))
      environment.push_back(entry);
    marked = marked || entry == mark;
  }
  if (!marked)
    environment.push_back(mark);
  return environment;
}

std::string_view what_is_wrong(const launch_order& order) {
  if (!is_run_key(order.run.value))
    return "its run key cannot be a file name";
  if (order.argv.empty())
    return "it has no arguments, not even the program's name";
  if (order.program.empty() || order.program.front() != '/')
    return "its program is not an absolute path";
  if (order.directory.empty() || order.directory.front() != '/')
    return "its working directory is not an absolute path";
  if (has_nul(order.argv) || has_nul(order.environment) || has_nul({order.program, order.directory}))
    return "an argument, a variable or a path contains a NUL byte";
  if (order.deadline.count() < 0 || order.grace.count() < 0)
    return "its deadline or its grace is negative";
  return {};
}

} // namespace

expected<std::string> encode(const launch_order& order) {
  if (const auto wrong = what_is_wrong(order); !wrong.empty())
    return failure(fault_kind::invalid_argument,
                   "A run cannot be started from this order: " + std::string{wrong} + '.');
  writer out;
  out.raw(magic);
  out.number(format);
  out.text(order.run.value);
  out.text(order.program);
  out.texts(order.argv);
  out.texts(with_mark(order));
  out.text(order.directory);
  out.number(order.umask);
  out.number(static_cast<std::uint32_t>(order.limits.size()));
  for (const auto& limit : order.limits) {
    out.number(limit.resource);
    out.number(limit.soft);
    out.number(limit.hard);
  }
  out.number(std::int64_t{order.deadline.count()});
  out.number(std::int64_t{order.grace.count()});
  out.number(order.output_limit);
  out.number(static_cast<std::uint8_t>(order.written));
  std::string bytes = out.take();
  if (bytes.size() > launch_order_bytes)
    return failure(fault_kind::invalid_argument,
                   "A run's arguments and environment are over 64 MiB: make them smaller.");
  return bytes;
}

expected<launch_order> decode_launch_order(std::string_view bytes) {
  const auto refuse = [](const char* why) {
    return failure(fault_kind::protocol, std::string{"The launch order cannot be read: "} + why + '.');
  };
  reader in{bytes};
  if (in.raw(magic.size()) != magic)
    return refuse("it does not begin as one");
  if (in.number<std::uint32_t>() != format)
    return refuse("its format has another number; the keeper and the supervisor are of different versions");
  launch_order order;
  order.run.value = in.text();
  order.program = in.text();
  order.argv = in.texts();
  order.environment = in.texts();
  order.directory = in.text();
  order.umask = in.number<std::uint32_t>();
  for (auto count = in.number<std::uint32_t>(); in.good() && count > 0; --count) {
    resource_limit limit;
    limit.resource = in.number<std::int32_t>();
    limit.soft = in.number<std::uint64_t>();
    limit.hard = in.number<std::uint64_t>();
    order.limits.push_back(limit);
  }
  order.deadline = std::chrono::milliseconds{in.number<std::int64_t>()};
  order.grace = std::chrono::milliseconds{in.number<std::int64_t>()};
  order.output_limit = in.number<std::uint64_t>();
  const auto written = in.number<std::uint8_t>();
  if (!in.ended() || written > static_cast<std::uint8_t>(durability::disk))
    return refuse("it is cut off or damaged");
  order.written = static_cast<durability>(written);
  if (!what_is_wrong(order).empty())
    return refuse("it asks for what cannot be done");
  return order;
}

} // namespace agent_dispatch
