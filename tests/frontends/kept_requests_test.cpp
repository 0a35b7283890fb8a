#include "frontends/client/kept_requests.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;

namespace {

using frames = std::vector<std::string>;

/// All that is to be sent now.
/// All that is sent, with what is said about kept lines only when asked for.
frames drain(kept_requests& kept, bool with_kept = false) {
  frames all;
  while (auto frame = kept.next_frame())
    if (with_kept || !frame->starts_with("kept "))
      all.push_back(std::move(*frame));
  return all;
}

/// A connection on which everything is sent, and which ends then.
std::vector<nlohmann::json> send_and_lose(kept_requests& kept, supervisor_end how) {
  kept.connected();
  drain(kept);
  return kept.lost(how);
}

/// Request "a" (number 1) and request "b" (number 2), both sent.
kept_requests two_in_flight() {
  kept_requests kept;
  kept.keep("A", "a", "tools/call");
  kept.keep("B", "b", "tools/call");
  kept.connected();
  drain(kept);
  return kept;
}

} // namespace

TEST_CASE("Lines are numbered from 1 and sent in order once there is a connection") {
  kept_requests kept;
  CHECK(kept.keep("A", "a", "tools/call") == 1);
  CHECK(kept.keep("B", nullptr, "notifications/initialized") == 2);
  CHECK(drain(kept).empty());
  kept.connected();
  CHECK(drain(kept) == frames{"msg 1 A\n", "msg 2 B\n"});
  CHECK(kept.keep("C", "c", "ping") == 3);
  CHECK(drain(kept) == frames{"msg 3 C\n"});
  CHECK(drain(kept).empty());
}

TEST_CASE("What has no answer yet is sent again under its number, the rest is not") {
  auto kept = two_in_flight();
  kept.keep("C", nullptr, "notifications/initialized");
  drain(kept);
  CHECK(kept.answered(1));
  kept.settled(3);
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 2 B\n"});
  CHECK(kept.answered(2));
  CHECK(kept.empty());
}

TEST_CASE("A connection that ends in the middle of sending begins with the first line again") {
  kept_requests kept;
  kept.keep("A", "a", "ping");
  kept.keep("B", "b", "ping");
  kept.connected();
  CHECK(kept.next_frame() == "msg 1 A\n");
  kept.lost(supervisor_end::died);
  CHECK(kept.next_frame() == std::nullopt);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 1 A\n", "msg 2 B\n"});
}

// --- what a session must know ---

TEST_CASE("The next session is told the initialize that was answered, first and under a number of its own") {
  kept_requests kept;
  kept.keep("INIT", 0, "initialize");
  kept.connected();
  drain(kept);
  kept.answered(1);
  kept.delivered(1);
  kept.keep("A", "a", "tools/call");
  drain(kept);
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 3 INIT\n", "msg 2 A\n"});
  CHECK_FALSE(kept.answered(3));
  CHECK_FALSE(kept.noted(3, 1));
}

TEST_CASE("An initialize without an answer is sent once, as what it is") {
  kept_requests kept;
  kept.keep("INIT", 0, "initialize");
  send_and_lose(kept, supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 1 INIT\n"});
  CHECK(kept.answered(1));
}

TEST_CASE("The last log level is told after initialize") {
  kept_requests kept;
  kept.keep("LEVEL-1", 1, "logging/setLevel");
  kept.keep("INIT", 2, "initialize");
  kept.keep("LEVEL-2", 3, "logging/setLevel");
  kept.connected();
  drain(kept);
  for (std::uint64_t number = 1; number <= 3; ++number)
    kept.answered(number);
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 4 INIT\n", "msg 5 LEVEL-2\n"});
}

TEST_CASE("What a session has subscribed is told to the next one, until it is unsubscribed") {
  const auto about = [](const char* method, const char* uri) {
    return std::string{R"({"method":")"} + method + R"(","params":{"uri":")" + uri + R"("}})";
  };
  const auto first = about("resources/subscribe", "job://1");
  const auto second = about("resources/subscribe", "job://2");
  kept_requests kept;
  kept.keep(first, 1, "resources/subscribe");
  kept.keep(second, 2, "resources/subscribe");
  kept.keep(first, 3, "resources/subscribe");
  kept.keep(about("resources/unsubscribe", "job://2"), 4, "resources/unsubscribe");
  kept.keep("INIT", 5, "initialize");
  kept.keep("no JSON", 6, "resources/subscribe");
  kept.connected();
  drain(kept);
  for (std::uint64_t number = 1; number <= 5; ++number)
    kept.answered(number);
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 7 INIT\n", "told 8 1\nmsg 8 " + first + "\n", "msg 6 no JSON\n"});
}

TEST_CASE("A subscription that stays open is not held to be what supervisors die of, and is begun once") {
  kept_requests kept;
  kept.keep("LISTEN", 1, "subscriptions/listen");
  kept.connected();
  CHECK(drain(kept) == frames{"msg 1 LISTEN\n"});
  CHECK(kept.noted(1, std::nullopt));
  for (int death = 0; death < 2 * kept_requests::deaths_allowed; ++death) {
    CHECK(kept.lost(supervisor_end::died).empty());
    kept.connected();
    CHECK(drain(kept) == frames{"told 1 1\nmsg 1 LISTEN\n"});
  }
}

TEST_CASE("A message that belongs to no line is passed on") {
  kept_requests kept;
  CHECK(kept.noted(0, std::nullopt));
}

// --- acknowledgements ---

TEST_CASE("An answer is acknowledged when the client has it, not before") {
  auto kept = two_in_flight();
  CHECK(kept.answered(2));
  CHECK(drain(kept).empty());
  kept.delivered(2);
  CHECK(drain(kept) == frames{"ack 2\n"});
}

TEST_CASE("An answer that reaches the client after its supervisor's death is acknowledged to the next one") {
  auto kept = two_in_flight();
  kept.answered(1);
  kept.lost(supervisor_end::died);
  const bool before = GENERATE(true, false);
  if (before)
    kept.delivered(1);
  kept.connected();
  CHECK(drain(kept, true) == frames{before ? "kept 2 [2]\n" : "kept 2 [2,1]\n", "msg 2 B\n"});
  kept.delivered(1);
  CHECK(drain(kept) == (before ? frames{} : frames{"ack 1\n"}));
}

TEST_CASE("An acknowledgement that may have died on its way needs no repetition: what is kept is said") {
  auto kept = two_in_flight();
  kept.answered(1);
  kept.delivered(1);
  CHECK(drain(kept) == frames{"ack 1\n"});
  kept.keep("C", "c", "ping"); // never sent
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept, true) == frames{"kept 2 [2]\n", "msg 2 B\n", "msg 3 C\n"});
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(kept.next_frame() == "kept 3 [2,3]\n");
}

TEST_CASE("On the first connection nothing is said about what is kept") {
  kept_requests kept;
  kept.keep("A", "a", "ping");
  kept.connected();
  CHECK(drain(kept, true) == frames{"msg 1 A\n"});
}

TEST_CASE("An answer that nobody waits for is acknowledged and goes no further") {
  auto kept = two_in_flight();
  CHECK_FALSE(kept.answered(77));
  CHECK(drain(kept) == frames{"ack 77\n"});
}

TEST_CASE("A second answer to what the client is still being given is neither passed on nor acknowledged early") {
  auto kept = two_in_flight();
  CHECK(kept.answered(1));
  CHECK_FALSE(kept.answered(1));
  CHECK(drain(kept).empty());
  kept.delivered(1);
  CHECK(drain(kept) == frames{"ack 1\n"});
}

// --- cancels ---

TEST_CASE("A cancel before the redial makes the line come again as a cancelled one") {
  auto kept = two_in_flight();
  CHECK(kept.cancel("a"));
  kept.keep("CANCEL", nullptr, "notifications/cancelled");
  CHECK(drain(kept) == frames{"msg 3 CANCEL\n"});
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"cancelled 1 A\n", "msg 2 B\n", "msg 3 CANCEL\n"});
}

TEST_CASE("A cancel after the redial goes the usual way, and is remembered for the next") {
  auto kept = two_in_flight();
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 1 A\n", "msg 2 B\n"});
  CHECK(kept.cancel("a"));
  CHECK(drain(kept).empty());
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"cancelled 1 A\n", "msg 2 B\n"});
}

TEST_CASE("A cancelled line is kept until the supervisor has settled or answered it") {
  auto kept = two_in_flight();
  kept.cancel("a");
  kept.cancel("b");
  SECTION("settled") { kept.settled(1); }
  SECTION("answered: the cancel came too late") { CHECK(kept.answered(1)); }
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"cancelled 2 B\n"});
}

TEST_CASE("A cancel of what is answered, unknown, or cancelled already is no news") {
  auto kept = two_in_flight();
  kept.answered(1);
  CHECK_FALSE(kept.cancel("a"));
  CHECK_FALSE(kept.cancel("c"));
  CHECK_FALSE(kept.cancel(nullptr));
  CHECK(kept.cancel("b"));
  CHECK_FALSE(kept.cancel("b"));
}

TEST_CASE("An id that is a number is not the string of its digits") {
  kept_requests kept;
  kept.keep("A", 1, "ping");
  CHECK_FALSE(kept.cancel("1"));
  CHECK(kept.cancel(1));
}

// --- progress ---

TEST_CASE("A progress notification is passed on before its answer and not after it") {
  auto kept = two_in_flight();
  CHECK(kept.noted(1, 1));
  CHECK(kept.answered(1));
  CHECK_FALSE(kept.noted(1, 2));
  CHECK_FALSE(kept.noted(77, 1));
}

TEST_CASE("What is cancelled makes no progress") {
  auto kept = two_in_flight();
  kept.cancel("a");
  CHECK_FALSE(kept.noted(1, 1));
  CHECK(kept.noted(2, 1));
}

TEST_CASE("The next supervisor is told how far progress has come, and progress never goes back") {
  auto kept = two_in_flight();
  CHECK(kept.noted(1, 1));
  CHECK(kept.noted(1, 7)); // what lies between was dropped on the way
  kept.lost(supervisor_end::died);
  kept.connected();
  CHECK(drain(kept) == frames{"told 1 7\nmsg 1 A\n", "msg 2 B\n"});
  CHECK_FALSE(kept.noted(1, 7));
  CHECK(kept.noted(1, 8));
  CHECK(kept.noted(2, 1));
}

TEST_CASE("A notification without a number is passed on as it is") {
  auto kept = two_in_flight();
  CHECK(kept.noted(1, 3));
  CHECK(kept.noted(1, std::nullopt));
  CHECK_FALSE(kept.noted(1, 2));
}

// --- deaths ---

TEST_CASE("A request in flight during three deaths is answered with an error and reported as cancelled") {
  kept_requests kept;
  kept.keep("A", "a", "tools/call");
  CHECK(send_and_lose(kept, supervisor_end::died).empty());
  CHECK(send_and_lose(kept, supervisor_end::died).empty());
  CHECK(kept.is_open(1));
  CHECK(send_and_lose(kept, supervisor_end::died) == std::vector<nlohmann::json>{"a"});
  CHECK_FALSE(kept.is_open(1));
  kept.connected();
  CHECK(drain(kept) == frames{"cancelled 1 A\n"});
  SECTION("its answer is not for the client, which has had one") {
    CHECK_FALSE(kept.answered(1));
    CHECK(drain(kept) == frames{"ack 1\n"});
  }
  SECTION("it is settled") { kept.settled(1); }
  CHECK(kept.empty());
}

TEST_CASE("A given-up request that still kills supervisors is forgotten after three more") {
  kept_requests kept;
  kept.keep("A", "a", "tools/call");
  std::size_t errors = 0;
  for (int death = 0; death < 6; ++death) {
    CHECK_FALSE(kept.empty());
    errors += send_and_lose(kept, supervisor_end::died).size();
  }
  CHECK(errors == 1);
  CHECK(kept.empty());
}

TEST_CASE("A cancelled request is given up without an answer") {
  kept_requests kept;
  kept.keep("A", "a", "tools/call");
  kept.cancel("a");
  for (int death = 0; death < 6; ++death)
    CHECK(send_and_lose(kept, supervisor_end::died).empty());
  CHECK(kept.empty());
}

TEST_CASE("Planned ends are no deaths") {
  kept_requests kept;
  kept.keep("A", "a", "tools/call");
  for (int end = 0; end < 10; ++end)
    CHECK(send_and_lose(kept, supervisor_end::planned).empty());
  CHECK(kept.is_open(1));
}

TEST_CASE("A death counts only for what was sent on that connection") {
  kept_requests kept;
  kept.keep("A", "a", "tools/call");
  kept.keep("B", "b", "tools/call");
  for (int death = 0; death < 3; ++death) {
    kept.connected();
    while (kept.next_frame()->rfind("msg 1 ", 0) != 0)
      ;
    const auto errors = kept.lost(supervisor_end::died);
    CHECK(errors.size() == (death == 2 ? 1 : 0));
  }
  CHECK_FALSE(kept.is_open(1));
  CHECK(kept.is_open(2));
}

TEST_CASE("A line that needs no answer is forgotten after three deaths") {
  kept_requests kept;
  kept.keep("N", nullptr, "notifications/initialized");
  for (int death = 0; death < 3; ++death)
    CHECK(send_and_lose(kept, supervisor_end::died).empty());
  CHECK(kept.empty());
}

// --- a supervisor that takes its leave, and none at all ---

TEST_CASE("A supervisor that is leaving is sent acknowledgements alone") {
  auto kept = two_in_flight();
  kept.answered(1);
  kept.end_announced();
  kept.keep("C", "c", "ping");
  CHECK(drain(kept).empty());
  kept.delivered(1);
  CHECK(drain(kept) == frames{"ack 1\n"});
  kept.lost(supervisor_end::planned);
  kept.connected();
  CHECK(drain(kept) == frames{"msg 2 B\n", "msg 3 C\n"});
}

TEST_CASE("When no supervisor can be had, requests are answered once, and what may run is cancelled later") {
  auto kept = two_in_flight();
  kept.cancel("b");
  kept.lost(supervisor_end::died);
  kept.keep("C", "c", "tools/call");
  kept.keep("N", nullptr, "notifications/initialized");
  CHECK(kept.give_up_all() == std::vector<nlohmann::json>{"a", "c"});
  CHECK(kept.give_up_all().empty());
  kept.connected();
  CHECK(drain(kept) == frames{"cancelled 1 A\n", "cancelled 2 B\n"});
}

// --- bounds ---

TEST_CASE("Kept lines crowd, and room is made by answers") {
  kept_requests kept;
  CHECK_FALSE(kept.has_cancellable());
  kept.keep(std::string(kept_requests::limit_bytes, 'x'), 1, "tools/call");
  CHECK(kept.is_crowded());
  CHECK(kept.has_cancellable());
  CHECK(kept.has_unsent());
  kept.cancel(1);
  CHECK_FALSE(kept.has_cancellable());
  kept.connected();
  drain(kept);
  CHECK_FALSE(kept.has_unsent());
  kept.settled(1);
  CHECK_FALSE(kept.is_crowded());
}

TEST_CASE("Many short lines crowd too") {
  kept_requests kept;
  std::uint64_t count = 0;
  while (!kept.is_crowded())
    count = kept.keep("x", nullptr, "n");
  CHECK(count < kept_requests::limit_bytes / 100);
  for (std::uint64_t number = 1; number <= count; ++number)
    kept.settled(number);
  CHECK(kept.empty());
  kept.keep(std::string(kept_requests::limit_bytes - 1000, 'x'), 1, "initialize");
  kept.answered(count + 1);
  CHECK_FALSE(kept.is_crowded());
}
