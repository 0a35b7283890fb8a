"""The real claude CLI does the work, offline: its API is the stand-in of tests/support."""

import json
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

import stand_in
from claude_offline import claude_environment, claude_program, script
from harness import PROGRAMS
from mcp_client import text_value
from processes import alive, command_line, descendants, wait_until
from test_sdk import filled

pytestmark = pytest.mark.claude

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
HANG = {"use": "Bash", "with": {"command": "tail -f /dev/null", "description": "wait"}}
SERVE = {"mcpServers": {"agent-dispatch": {"command": str(PROGRAMS / "agent-dispatch"), "args": ["serve"]}}}
OUR_TOOLS = ["mcp__agent-dispatch__list_agents", "mcp__agent-dispatch__dispatch"]


def a_tool_runs():
    """Pids of the endless Bash tool of HANG."""
    return [pid for pid in descendants() if command_line(pid)[:3] == ["tail", "-f", "/dev/null"]]


def test_an_agent_answers(claude, api):
    claude.write_config({"notes": {}})
    result = claude.serve().value("dispatch", {"agent": "notes", "task": script({"say": "All is well."})})
    assert result["success"] is True and result["result"] == "All is well."
    assert result["agent"] == "notes" and UUID.match(result["session_id"])
    assert result["cost_usd"] > 0 and result["num_turns"] == 1 and result["duration_ms"] > 0
    assert "error" not in result and "denied_tools" not in result
    assert len(api.requests()) == 1


def test_the_command_line_prints_the_answer(claude):
    claude.write_config({"notes": {}})
    answer = claude.cli("dispatch", "notes", script({"say": "Plain words."}))
    assert answer.code == 0, answer
    assert "Plain words." in answer.out


def test_the_agent_gets_its_sections_and_its_directory(claude, api):
    claude.write_config({"notes": {}})
    result = claude.serve().value(
        "dispatch",
        {
            "agent": "notes",
            "task": script({"use": "Bash", "with": {"command": "pwd"}}, {"say": "ok"}),
            "context": "The wall is blue.",
            "caller": "painter",
            "goal": "paint it",
        },
    )
    assert result["success"], result
    first = json.dumps(api.requests()[0]["user"])
    headings = ["## Goal\\npaint it", "## Dispatched by\\npainter", "## Context\\nThe wall is blue.", "## Task\\nDo as"]
    assert [heading for heading in headings if heading in first] == headings
    assert sorted(headings, key=first.index) == headings


def test_an_allowed_tool_is_used(claude):
    claude.write_config({"notes": {"allowed_tools": ["Bash"]}})
    client = claude.serve()
    task = script({"say": "I write.", "use": "Bash", "with": {"command": "printf here > made.txt"}}, {"say": "Written."})
    answer = client.call("dispatch_stream", {"agent": "notes", "task": task}, token="p")
    result = text_value(answer)
    assert result["success"] and result["result"] == "Written.", result
    assert (claude.agent_directory("notes") / "made.txt").read_text() == "here"
    told = [params.get("message", "") for _, params in client.progress("p")]
    assert any("I write." in line for line in told) and any("Using tool: Bash" in line for line in told), told


def test_a_denied_tool_is_named(claude):
    claude.write_config({"notes": {}})
    task = script({"use": "Bash", "with": {"command": "touch made.txt"}}, {"say": "I may not."})
    result = claude.serve().value("dispatch", {"agent": "notes", "task": task})
    assert result["success"] is True and result["result"] == "I may not."
    assert result["denied_tools"] == ["Bash"] and "hint" in result, result
    assert not (claude.agent_directory("notes") / "made.txt").exists()


def test_a_session_is_resumed_and_costs_its_own(claude, api):
    claude.write_config({"notes": {}})
    client = claude.serve()
    first = client.value("dispatch", {"agent": "notes", "task": script({"say": "One.", "tokens": [100000, 1000]}, say="Begin.")})
    second = client.value(
        "dispatch_session",
        {
            "agent": "notes",
            "task": script({"say": "Two.", "tokens": [10, 5]}, say="Go on."),
            "session_id": first["session_id"],
        },
    )
    assert second["success"] and second["result"] == "Two." and second["session_id"] == first["session_id"]
    assert api.requests()[1]["messages"] > api.requests()[0]["messages"], "the second request has the first one's turns"
    assert second["cost_usd"] < first["cost_usd"] / 10, "the CLI's running total is not this run's cost"


def test_a_timeout_keeps_the_text_and_the_cost(claude):
    claude.write_config({"notes": {"timeout": 4, "allowed_tools": ["Bash"]}})
    client = claude.serve()
    pending = client.start_call("dispatch", {"agent": "notes", "task": script({"say": "So far so good."} | HANG)})
    wait_until(a_tool_runs, 20, "the tool runs")
    result = text_value(pending.wait()["result"])
    assert result["success"] is False and result["error_type"] == "timeout", result
    assert "So far so good." in result["result"] and result["cost_usd"] > 0
    assert UUID.match(result["session_id"]) and result["session_id"] in result["error"]
    assert not a_tool_runs() and not claude.agents_running(), "nothing of the run is alive once it is answered"


def test_a_run_that_timed_out_can_be_resumed(claude):
    claude.write_config({"notes": {"timeout": 4, "allowed_tools": ["Bash"]}})
    client = claude.serve()
    cut = client.value("dispatch", {"agent": "notes", "task": script({"say": "So far."} | HANG)})
    assert cut["error_type"] == "timeout"
    result = client.value(
        "dispatch_session", {"agent": "notes", "task": script({"say": "Done now."}), "session_id": cut["session_id"]}
    )
    assert result["success"] and result["result"] == "Done now.", result


def test_a_cancelled_call_leaves_no_process_and_frees_its_slot(claude):
    claude.write_config({"notes": {"allowed_tools": ["Bash"]}}, settings={"max_concurrency": 1})
    client = claude.serve()
    pending = client.start_call("dispatch", {"agent": "notes", "task": script(HANG)})
    wait_until(a_tool_runs, 20, "the tool runs")
    client.cancel(pending)
    wait_until(lambda: not a_tool_runs() and not claude.agents_running(), 15, "the run's processes are gone")
    result = client.value("dispatch", {"agent": "notes", "task": script({"say": "Free again."})})
    assert result["result"] == "Free again."
    assert not pending.answered(), "a cancelled request is not answered"


def test_ctrl_c_on_the_command_line_cancels_its_run(claude):
    claude.write_config({"notes": {"allowed_tools": ["Bash"]}})
    process = claude.start("dispatch", "notes", script(HANG))
    wait_until(a_tool_runs, 20, "the tool runs")
    process.send_signal(signal.SIGINT)
    answer = claude.finish(process)
    assert answer.code not in (0, None) and "cancel" in (answer.out + answer.err).lower(), answer
    wait_until(lambda: not a_tool_runs() and not claude.agents_running(), 15, "the run's processes are gone")


def test_an_api_error_is_the_answer(claude):
    claude.write_config({"notes": {}})
    task = script({"status": 400, "message": "the sky is not blue enough"})
    result = claude.serve().value("dispatch", {"agent": "notes", "task": task})
    assert result["success"] is False and result["error_type"] == "cli_error", result
    assert "the sky is not blue enough" in result["error"] and UUID.match(result["session_id"])


def test_an_overloaded_api_is_tried_again_by_the_cli(claude):
    claude.write_config({"notes": {}})
    task = script({"status": 529, "times": 1, "say": "Recovered."})
    result = claude.serve().value("dispatch", {"agent": "notes", "task": task})
    assert result["success"] and result["result"] == "Recovered.", result


def test_a_budget_stops_the_run(claude):
    claude.write_config({"notes": {"max_budget_usd": 0.01, "allowed_tools": ["Bash"]}})
    spend = {"say": "Expensive words.", "use": "Bash", "with": {"command": "true"}, "tokens": [100000, 10000]}
    result = claude.serve().value("dispatch", {"agent": "notes", "task": script(spend, {"say": "never said"})})
    assert result["success"] is False and result["error_type"] == "budget", result
    assert result["budget_exceeded"] is True and result["cost_usd"] > 0.01 and UUID.match(result["session_id"])
    assert "Expensive words." in result["result"]


@pytest.mark.parametrize("beginning", ["--help", "-p", "--", "-"])
def test_a_prompt_may_begin_like_an_option(claude, api, beginning):
    claude.write_config({"notes": {}})
    task = script({"say": "Read it."}, say=beginning)
    result = claude.serve().value("dispatch", {"agent": "notes", "task": task})
    assert result["success"] and result["result"] == "Read it.", result
    assert beginning in json.dumps(api.requests()[0]["user"])


def test_a_prompt_of_200_kilobytes_arrives_whole(claude, api):
    claude.write_config({"notes": {}})
    filler = "".join(f"{number:07d}," for number in range(25_000))
    task = script({"say": "All of it."}, say=filler)
    assert len(task) > 200_000
    client = claude.serve()
    result = client.value("dispatch", {"agent": "notes", "task": task})
    assert result["result"] == "All of it.", result
    assert filler in json.dumps(api.requests()[0]["user"])


def test_the_prompt_is_in_no_command_line(claude):
    claude.write_config({"notes": {"allowed_tools": ["Bash"]}})
    client = claude.serve()
    pending = client.start_call("dispatch", {"agent": "notes", "task": script(HANG, say="a secret between us")})
    wait_until(a_tool_runs, 20, "the tool runs")
    shown = [word for pid in descendants() for word in command_line(pid)]
    assert not any("secret between us" in word for word in shown)
    client.cancel(pending)


def test_the_cli_as_mcp_client_dispatches_through_our_server(claude, api):
    outer = claude.agent_directory("outer")
    (outer / ".mcp.json").write_text(json.dumps(SERVE))
    claude.write_config({"outer": {"allowed_tools": OUR_TOOLS}, "inner": {"description": "the one within"}})
    inner_task = script({"say": "Greetings from within."})
    task = script(
        {"use": OUR_TOOLS[0], "with": {}},
        {"use": OUR_TOOLS[1], "with": {"agent": "inner", "task": inner_task}},
        {"say": "That was all."},
    )
    result = claude.serve().value("dispatch", {"agent": "outer", "task": task}, seconds=90)
    assert result["success"] and result["result"] == "That was all.", result
    assert "denied_tools" not in result
    outcomes = [json.dumps(entry["user"]) for entry in api.requests() if entry["step"] > 0]
    assert any("the one within" in text for text in outcomes), "list_agents was answered"
    assert any("Greetings from within." in text for text in outcomes), "dispatch was answered"


def test_the_cli_itself_connects_to_our_server_at_once(claude, api):
    """Not as a child of ours: the way a person's own session starts the server."""
    claude.write_config({"notes": {"description": "keeper of notes"}})
    project = claude.agent_directory("person")
    (project / ".mcp.json").write_text(json.dumps(SERVE))
    words = ["claude", "-p", "--output-format", "stream-json", "--verbose", "--allowedTools", OUR_TOOLS[0]]
    finished = subprocess.run(
        words,
        input=script({"use": OUR_TOOLS[0], "with": {}}, {"say": "Seen."}),
        env=claude.environment,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
    )
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    servers = next(event for event in events if event.get("subtype") == "init")["mcp_servers"]
    assert servers == [{"name": "agent-dispatch", "status": "connected"}] or servers[0]["status"] == "connected", servers
    assert events[-1]["result"] == "Seen." and not events[-1]["permission_denials"]
    assert "keeper of notes" in json.dumps(api.requests()[1]["user"])


def recorded(project):
    """Our server as the CLI is to start it, with what is said on both sides kept in files."""
    said, heard = project / "said.jsonl", project / "heard.jsonl"
    words = f"tee {shlex.quote(str(said))} | {shlex.quote(str(PROGRAMS / 'agent-dispatch'))} serve | tee {shlex.quote(str(heard))}"
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"agent-dispatch": {"command": "bash", "args": ["-c", words]}}}))
    return lambda: [[json.loads(line) for line in place.read_text().splitlines()] for place in (said, heard)]


def session(environment, project, prompt, tools, seconds=120, **more):
    """A person's own session with the CLI. Returns its last event."""
    finished = subprocess.run(
        [claude_program(), "-p", "--output-format", "stream-json", "--verbose", "--allowedTools", ",".join(tools)],
        input=prompt,
        env=environment | more,
        cwd=project,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    return [json.loads(line) for line in finished.stdout.splitlines()][-1]


def test_the_cli_calls_every_tool(home, api):
    """The agents' CLI is the compiled stand-in, the client's the real one."""
    table = json.loads((Path(__file__).parent / "data" / "sdk_calls.json").read_text())["calls"]
    # Jobs without end are among the calls, and nobody waits for them.
    home.write_config({"notes": {}, "other": {"max_parallel": 8}}, {"max_concurrency": 8}, groups={"team": {"members": [{"agent": "notes"}]}})
    project = home.agent_directory("person")
    wire = recorded(project)
    known = {"$job": home.job("notes", stand_in.say("job done")), "$endless": home.job("other", stand_in.hang())}
    known |= {"$ref": known["$job"], "$session": home.dispatch("notes", stand_in.say("x"))["session_id"]}
    home.ended_job(known["$job"])
    for gate in ("stream", "parallel", "dialogue", "job"):
        (home.root / gate).touch()
    calls = []
    for entry in table:
        if "is_error" not in entry:
            arguments = {key: known.get(value, value) if isinstance(value, str) else value for key, value in entry["arguments"].items()}
            calls.append((entry["tool"], filled(arguments, home.root)))
    names = sorted({tool for tool, _ in calls})
    steps = [{"use": f"mcp__agent-dispatch__{tool}", "with": arguments} for tool, arguments in calls]
    last = session(
        home.environment | claude_environment(home, api), project, script(*steps, {"say": "All called."}), [f"mcp__agent-dispatch__{name}" for name in names]
    )
    assert last["result"] == "All called." and not last["permission_denials"], last
    said, heard = wire()
    asked = {m["id"]: m["params"]["name"] for m in said if m.get("method") == "tools/call"}
    answers = {m["id"]: m["result"] for m in heard if m.get("id") in asked and "result" in m}
    assert list(asked.values()) == [tool for tool, _ in calls]
    assert answers.keys() == asked.keys()
    assert not [asked[ident] for ident, result in answers.items() if result.get("isError")]
    (listed,) = [m["result"]["tools"] for m in heard if "tools" in m.get("result", {})]
    assert sorted(tool["name"] for tool in listed) == names


def test_the_cli_sees_progress_and_cancels_when_its_own_time_is_over(home, api):
    home.write_config({"notes": {}})
    project = home.agent_directory("person")
    wire = recorded(project)
    step = {"use": OUR_TOOLS[1], "with": {"agent": "notes", "task": stand_in.tell_then_hang("half way")}}
    last = session(
        home.environment | claude_environment(home, api), project, script(step, {"say": "Gave up."}), OUR_TOOLS, MCP_TOOL_TIMEOUT="2000"
    )
    assert last["result"] == "Gave up.", last
    said, heard = wire()
    (call,) = [m for m in said if m.get("method") == "tools/call"]
    told = [m["params"] for m in heard if m.get("method") == "notifications/progress"]
    assert {each["progressToken"] for each in told} == {call["params"]["_meta"]["progressToken"]}
    assert "half way" in " ".join(each["message"] for each in told)
    assert [m["params"]["requestId"] for m in said if m.get("method") == "notifications/cancelled"] == [call["id"]]
    assert call["id"] not in [m.get("id") for m in heard]
    wait_until(lambda: not home.agents_running(), 20, "the run has ended")


def test_a_calls_b_calls_a_with_one_slot(claude, api):
    for name in ("a", "b"):
        (claude.agent_directory(name) / ".mcp.json").write_text(json.dumps(SERVE))
    agents = {name: {"allowed_tools": OUR_TOOLS} for name in ("a", "b")}
    claude.write_config(agents, settings={"max_concurrency": 1})
    third = script({"say": "Innermost."})
    second = script({"use": OUR_TOOLS[1], "with": {"agent": "a", "task": third}}, {"say": "Middle."})
    first = script({"use": OUR_TOOLS[1], "with": {"agent": "b", "task": second}}, {"say": "Outermost."})
    client = claude.serve()
    result = client.value("dispatch", {"agent": "a", "task": first}, seconds=120)
    assert result["success"] and result["result"] == "Outermost.", result
    told = "".join(json.dumps(entry["user"]) for entry in api.requests())
    assert "Innermost." in told and "Middle." in told
    status = claude.status()
    assert status["slots"]["used"] == 0 and status["slots"]["max"] == 1, status


def test_a_chain_that_is_too_deep_is_refused(claude, api):
    for name in ("a", "b"):
        (claude.agent_directory(name) / ".mcp.json").write_text(json.dumps(SERVE))
    agents = {name: {"allowed_tools": OUR_TOOLS} for name in ("a", "b")}
    claude.write_config(agents, settings={"max_dispatch_depth": 1})
    task = script({"use": OUR_TOOLS[1], "with": {"agent": "b", "task": script({"say": "never"})}}, {"say": "Refused."})
    result = claude.serve().value("dispatch", {"agent": "a", "task": task}, seconds=60)
    assert result["result"] == "Refused.", result
    assert any("recursion" in json.dumps(entry["user"]) for entry in api.requests())


def test_a_cancelled_run_takes_the_run_it_asked_for_along(claude):
    """Both: the outer agent, and the inner one that works for it."""
    (claude.agent_directory("a") / ".mcp.json").write_text(json.dumps(SERVE))
    claude.write_config({"a": {"allowed_tools": OUR_TOOLS}, "b": {"allowed_tools": ["Bash"]}})
    client = claude.serve()
    task = script({"use": OUR_TOOLS[1], "with": {"agent": "b", "task": script(HANG)}}, {"say": "never"})
    pending = client.start_call("dispatch", {"agent": "a", "task": task})
    hanging = wait_until(a_tool_runs, 40, "the inner agent's tool runs")
    client.cancel(pending)
    wait_until(lambda: not any(map(alive, hanging)) and not claude.agents_running(), 20, "both runs are gone")
