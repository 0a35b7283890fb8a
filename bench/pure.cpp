/// The parts that neither wait nor read: how fast they are on one core. `bench/run` reads `bytes_per_second` of these.

#include <memory>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "actors/logic/cache_key.hpp"
#include "actors/logic/output_parser.hpp"
#include "config/load.hpp"
#include "messages/json.hpp"

using namespace agent_dispatch;

namespace {

constexpr std::size_t chunk_bytes = 256u << 10; // as the I/O thread reads a run's output
constexpr std::size_t stream_bytes = 16u << 20;

std::string assistant_line(std::size_t text_bytes) {
  return R"({"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":")" +
         std::string(text_bytes, 'x') + R"("}]},"session_id":"s"})" + "\n";
}

/// As the CLI prints a tool's result: text with escapes.
std::string tool_result_line(std::size_t lines) {
  std::string text;
  for (std::size_t line = 0; line < lines; ++line)
    text += R"(  if (found == \"the name\")\n\t\treturn true; // caf\u00e9\n)";
  return R"({"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_1","type":"tool_result","content":")" +
         text + R"("}]},"session_id":"s"})" + "\n";
}

std::string repeated(const std::string& line) {
  std::string stream;
  while (stream.size() < stream_bytes)
    stream += line;
  return stream;
}

void parse_stream(benchmark::State& state, const std::string& stream) {
  const std::string_view whole = stream;
  for (auto _ : state) {
    output_parser parser;
    for (std::size_t at = 0; at < whole.size(); at += chunk_bytes)
      benchmark::DoNotOptimize(parser.feed(whole.substr(at, chunk_bytes)));
    benchmark::DoNotOptimize(parser.finish({}));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(whole.size()));
}

void parser_text(benchmark::State& state) {
  parse_stream(state, repeated(assistant_line(static_cast<std::size_t>(state.range(0)))));
}
BENCHMARK(parser_text)->Arg(100)->Arg(1000)->Arg(10'000);

void parser_tool_results(benchmark::State& state) { parse_stream(state, repeated(tool_result_line(100))); }
BENCHMARK(parser_tool_results);

dispatch_result result_of(std::size_t bytes) {
  dispatch_result result;
  result.agent = {"bench"};
  result.success = true;
  while (result.result.size() < bytes)
    result.result += "A line with a \"quotation\", and caf\u00e9.\n";
  result.session = session_id{"00000000-0000-4000-8000-000000000000"};
  result.cost_usd = 0.0123;
  result.duration_ms = 1234;
  result.num_turns = 3;
  return result;
}

void result_to_json(benchmark::State& state) {
  const auto result = result_of(static_cast<std::size_t>(state.range(0)));
  std::size_t bytes = 0;
  for (auto _ : state) {
    const auto text = dump_pretty(to_json(result));
    bytes = text.size();
    benchmark::DoNotOptimize(text.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}
BENCHMARK(result_to_json)->Arg(500)->Arg(100'000);

void record_from_json(benchmark::State& state) {
  job_record record;
  record.id = {"0123456789abcdef0123456789abcdef"};
  record.agent = {"bench"};
  record.task = "Say hello.";
  record.status = job_status::done;
  record.result = result_of(500);
  const auto text = dump(to_json(record));
  for (auto _ : state)
    benchmark::DoNotOptimize(job_record_from(nlohmann::json::parse(text)));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(record_from_json);

void cache_key_of(benchmark::State& state) {
  run_spec spec;
  spec.request.agent = {"bench"};
  spec.request.task = std::string(static_cast<std::size_t>(state.range(0)), 't');
  spec.agent.name = {"bench"};
  caller_context caller;
  caller.environment = {"HOME=/home/user", "PATH=/usr/bin:/bin", "ANTHROPIC_API_KEY=none"};
  spec.caller = std::make_shared<const caller_context>(std::move(caller));
  for (auto _ : state)
    benchmark::DoNotOptimize(make_cache_key(spec));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(cache_key_of)->Arg(100)->Arg(100'000);

void config_load(benchmark::State& state) {
  std::string text = "agents:\n";
  for (std::int64_t number = 0; number < state.range(0); ++number)
    text += "  agent-" + std::to_string(number) +
            ":\n    directory: /srv/project\n    description: Does what it is asked.\n    timeout: 600\n"
            "    allowed_tools: [Read, Edit, \"Bash(git *)\"]\n";
  const config_paths paths{.home = "/home/user", .config = "/home/user/agents.yaml", .jobs = "/home/user/jobs"};
  for (auto _ : state)
    benchmark::DoNotOptimize(parse_configuration(text, paths));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(config_load)->Arg(1)->Arg(10)->Arg(100);

} // namespace
