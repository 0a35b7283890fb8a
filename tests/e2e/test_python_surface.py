"""What people's scripts and agents rely on since the Python program 0.13.0: docs/python-program.md lists it, and says which
test shows what. Here is what no other file shows."""

import json
import re

import pytest

import stand_in
from mcp_client import text_value

# Tool: {parameter: (type, default)}; `...` for one that must be given. The tools of the cache are in test_cache.py.
TEXT, INTEGER, NUMBER, FLAG = "string", "integer", "number", "boolean"
MUST = (TEXT, ...)
TASK = {"agent": MUST, "task": MUST, "context": (TEXT, ""), "caller": (TEXT, ""), "goal": (TEXT, ""), "response_format": (TEXT, "")}
TIMEOUT = {"timeout_seconds": (INTEGER, 0)}
AGENT = {
    "description": (TEXT, ""), "timeout": (INTEGER, 0), "max_budget_usd": (NUMBER, 0), "permission_mode": (TEXT, ""),
    "allowed_tools": (TEXT, ""), "disallowed_tools": (TEXT, ""), "capabilities": (TEXT, ""), "risky_capabilities": (TEXT, ""),
}  # fmt: skip
TOOLS = {
    "list_agents": {},
    "inspect_agent": {"name": MUST, "preview_lines": (INTEGER, 40)},
    "list_groups": {},
    "inspect_group": {"name": MUST},
    "dispatch": TASK | {"return_ref": (FLAG, False), "summary_chars": (INTEGER, 500), "group": (TEXT, "")} | TIMEOUT,
    "dispatch_session": TASK | {"session_id": (TEXT, "")} | TIMEOUT,
    "dispatch_parallel": {"dispatches": MUST, "aggregate": (TEXT, "")},
    "dispatch_stream": TASK | TIMEOUT,
    "dispatch_dialogue": {"requester": MUST, "responder": MUST, "topic": MUST, "max_rounds": (INTEGER, 3)},
    "add_agent": {"name": MUST, "directory": MUST} | AGENT,
    "update_agent": {"name": MUST, "model": (TEXT, "")} | AGENT,
    "remove_agent": {"name": MUST},
    "dispatch_async": TASK | TIMEOUT,
    "dispatch_status": {"job_id": MUST},
    "dispatch_wait": {"job_id": MUST, "timeout_seconds": (INTEGER, 60)},
    "dispatch_cancel": {"job_id": MUST},
    "dispatch_jobs": {"status": (TEXT, ""), "limit": (INTEGER, 50)},
    "fetch_result": {"ref": MUST, "max_chars": (INTEGER, 0)},
    "dispatch_gc": {"max_age_days": (NUMBER, 7)},
}

AGENT_OPTIONS = [
    "-d", "--description", "--timeout", "--model", "--max-budget", "--max-budget-usd", "--permission-mode",
    "--allowed-tools", "--disallowed-tools", "--capabilities", "--risky-capabilities",
]  # fmt: skip
COMMANDS = {
    "init": [], "serve": [], "list": [], "describe": [], "remove": [], "doctor": [], "job": [], "cancel": [],
    "add": AGENT_OPTIONS, "update": AGENT_OPTIONS,
    "test": ["--stream", "--timeout"], "jobs": ["--status", "--limit"], "gc": ["--days", "--all"],
    "group add": ["-d", "--description", "--shared-context", "--member"], "group list": [], "group inspect": [],
    "group update": ["-d", "--description", "--shared-context"], "group remove": [],
}  # fmt: skip


@pytest.fixture
def client(home):
    home.write_config({"notes": {"description": "keeper of notes"}, "other": {}})
    return home.serve()


# --- names ---


def test_every_tool_is_there_with_its_parameters(client):
    tools = {tool["name"]: tool["inputSchema"] for tool in client.request("tools/list")["result"]["tools"]}
    assert tools.keys() >= TOOLS.keys()
    for name, parameters in TOOLS.items():
        schema = tools[name]
        shown = {
            key: (value["type"], ... if key in schema.get("required", []) else value["default"])
            for key, value in schema["properties"].items()
        }
        assert shown == parameters, name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_with_its_options(home, command):
    answer = home.cli(*command.split(), "--help")
    assert answer.code == 0, answer
    words = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", answer.out))
    assert words >= set(COMMANDS[command]), answer


# --- what the agent's CLI is told ---


@pytest.mark.parametrize(
    "given, prompt",
    [
        ({}, "count"),
        ({"context": "", "caller": "", "goal": ""}, "count"),
        ({"context": "facts"}, "Context:\nfacts\n\nTask:\ncount"),
        ({"caller": "shop"}, "## Dispatched by\nshop\n\n## Task\ncount"),
        ({"goal": "ship"}, "## Goal\nship\n\n## Task\ncount"),
        (
            {"goal": "ship", "caller": "shop", "context": "facts"},
            "## Goal\nship\n\n## Dispatched by\nshop\n\n## Context\nfacts\n\n## Task\ncount",
        ),
    ],
)
@pytest.mark.parametrize("tool", ["dispatch", "dispatch_session", "dispatch_stream", "dispatch_async", "dispatch_parallel"])
def test_the_prompt_has_the_parts_that_are_given(client, tool, given, prompt):
    arguments = {"agent": "notes", "task": "count"} | given
    if tool == "dispatch_parallel":
        (result,) = client.value(tool, {"dispatches": json.dumps([arguments])})
    elif tool == "dispatch_async":
        result = client.value("dispatch_wait", {"job_id": client.value(tool, arguments)["job_id"]})["result"]
    else:
        result = client.value(tool, arguments)
    assert result["result"] == prompt, "the stand-in says what it was told"


def options_of(home, client, agent="notes"):
    """What the CLI was started with, without what every start has."""
    seen = home.root / "seen"
    result = client.value("dispatch", {"agent": agent, "task": stand_in.steps({"record": str(seen)}, {"text": "x"})})
    assert result["success"], result
    words = json.loads(seen.read_text())["argv"][1:]
    seen.unlink()
    assert words[:4] == ["-p", "--output-format", "stream-json", "--verbose"]
    assert words[4:6] == ["--session-id", result["session_id"]]
    return words[6:]


@pytest.mark.parametrize(
    "agent, settings, options",
    [
        ({}, {}, []),
        (
            {
                "max_budget_usd": 1.5, "model": "opus", "permission_mode": "plan", "allowed_tools": ["Bash(git:*)", "Read"],
                "disallowed_tools": ["Edit"], "capabilities": ["find"], "description": "-d",
            },
            {},
            ["--max-budget-usd", "1.5", "--model", "opus", "--permission-mode", "plan", "--allowedTools", "Bash(git:*)",
             "--allowedTools", "Read", "--disallowedTools", "Edit"],
        ),
        (
            {},
            {"default_max_budget_usd": 2.25, "default_permission_mode": "plan", "default_allowed_tools": ["Read"],
             "default_disallowed_tools": ["Edit"]},
            ["--max-budget-usd", "2.25", "--permission-mode", "plan", "--allowedTools", "Read", "--disallowedTools", "Edit"],
        ),
        (
            {"max_budget_usd": 0.1, "permission_mode": "auto", "allowed_tools": [], "disallowed_tools": ["Bash"]},
            {"default_max_budget_usd": 2, "default_permission_mode": "plan", "default_allowed_tools": ["Read"],
             "default_disallowed_tools": ["Edit"]},
            ["--max-budget-usd", "0.1", "--permission-mode", "auto", "--disallowedTools", "Bash"],
        ),
        ({"max_budget_usd": 0}, {"default_max_budget_usd": 2}, ["--max-budget-usd", "2"]),
        ({"max_budget_usd": 0}, {"default_max_budget_usd": 0}, []),
    ],
)  # fmt: skip
def test_the_settings_become_options_of_the_cli(home, agent, settings, options):
    home.write_config({"notes": agent}, settings=settings)
    assert options_of(home, home.serve()) == options


def test_a_session_is_resumed_and_never_named_anew(home, client):
    seen, ident = home.root / "seen", "11111111-1111-4111-8111-111111111111"
    task = stand_in.steps({"record": str(seen)}, {"text": "x"})
    assert client.value("dispatch_session", {"agent": "notes", "task": task, "session_id": ident})["session_id"] == ident
    assert json.loads(seen.read_text())["argv"][5:] == ["--resume", ident]


# --- what it answers ---

ALWAYS = ["agent", "success", "result", "session_id", "cost_usd", "duration_ms", "num_turns"]


@pytest.mark.parametrize(
    "steps, members, error_type",
    [
        ([{"text": "x"}], ALWAYS, None),
        ([{"deny": "Bash"}, {"text": "x"}], [*ALWAYS, "denied_tools", "hint"], None),
        ([{"cost": 3}, {"text": "x"}], [*ALWAYS, "hint", "budget_exceeded"], None),
        ([{"cost": 3}, {"deny": "Bash"}, {"text": "x"}], [*ALWAYS, "denied_tools", "hint", "budget_exceeded"], None),
        ([{"result": {"is_error": True, "result": "boom"}}], [*ALWAYS, "error", "error_type"], "cli_error"),
        ([{"result": {"is_error": True, "result": "Permission DENIED"}}], [*ALWAYS, "error", "error_type"], "permission"),
        (
            [{"deny": "Bash"}, {"result": {"is_error": True, "result": "boom"}}],
            [*ALWAYS, "error", "error_type", "denied_tools"],
            "permission",
        ),
        ([{"budget_stop": 2}], [*ALWAYS, "error", "error_type", "budget_exceeded"], "budget"),
        ([{"stderr": "boom"}, {"exit": 3}], ["agent", "success", "result", "session_id", "error", "error_type"], "cli_error"),
        ([{"raw": "plain"}, {"no_result": True}], ["agent", "success", "result", "session_id"], None),
        ([{"no_result": True}], ["agent", "success", "result", "session_id", "error", "error_type"], "cli_error"),
        ([{"text": "part"}, {"hang": True}], [*ALWAYS, "error", "error_type"], "timeout"),
    ],
)
@pytest.mark.parametrize("tool", ["dispatch", "dispatch_stream", "dispatch_session"])
def test_an_answer_has_the_members_of_its_kind(home, tool, steps, members, error_type):
    home.write_config({"notes": {"max_budget_usd": 2, "timeout": 1}})
    call = home.serve().call(tool, {"agent": "notes", "task": stand_in.steps(*steps)})
    answer = text_value(call)
    assert list(answer) == members and answer["success"] is (error_type is None), answer
    assert answer.get("error_type") == error_type and not call.get("isError"), "that a run failed is no error of the tool"
    assert answer.get("budget_exceeded", True) is True and answer.get("denied_tools", ["Bash"]) == ["Bash"]


@pytest.mark.parametrize("agent, error_type", [("gone", "not_found"), ("option", "cli_error"), ("deep", "recursion")])
def test_what_never_runs_is_a_failure_of_its_kind(home, agent, error_type):
    home.write_config(
        {"gone": {"directory": str(home.root / "gone")}, "option": {"model": "-m"}, "deep": {}}, settings={"max_dispatch_depth": 2}
    )
    client = home.serve(env=home.env(AGENT_DISPATCH_DEPTH="2" if agent == "deep" else None))
    for tool in ("dispatch", "dispatch_session", "dispatch_stream"):
        answer = client.value(tool, {"agent": agent, "task": "x"})
        assert (answer["agent"], answer["success"], answer["result"]) == (agent, False, ""), answer
        assert answer["error_type"] == error_type and answer["error"], answer
    (item,) = client.value("dispatch_parallel", {"dispatches": json.dumps([{"agent": agent, "task": "x"}])})
    assert item["error_type"] == error_type
