#include <catch2/catch.hpp>

#include "actors/run/run_record.hpp"

using namespace agent_dispatch;

TEST_CASE("run.json says whose run it is and whose slot it has") {
  run_spec spec;
  spec.key = {"run"};
  spec.agent.name = {"alpha"};
  CHECK(decode_run_record(encode_run_record(spec, "mark", run_key{"lender"})) ==
        run_record{.agent = agent_name{"alpha"}, .slot_of = run_key{"lender"}});
  CHECK(decode_run_record(encode_run_record(spec, "mark", {})) ==
        run_record{.agent = agent_name{"alpha"}, .slot_of = {}});
}

TEST_CASE("A run.json that cannot be read says nothing, and one of a newer format what it has") {
  for (const char* text : {"", "[]", "null", "{\"agent\":", "{\"agent\":\"\xff\"}", R"({"agent":5,"slot_of":{}})"})
    CHECK(decode_run_record(text) == run_record{});
  CHECK(decode_run_record(R"({"format":999,"agent":"alpha","more":[]})") ==
        run_record{.agent = agent_name{"alpha"}, .slot_of = {}});
}

TEST_CASE("A run.json names no slot of what can be no run") {
  for (const char* text : {R"({"slot_of":""})", R"({"slot_of":"../x"})", R"({"slot_of":"a b"})"})
    CHECK_FALSE(decode_run_record(text).slot_of);
}
