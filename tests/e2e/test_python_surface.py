"""What people's scripts and agents rely on since the Python program 0.13.0: docs/python-program.md lists it, and says which
test shows what. Here is what no other file shows."""

import json
import re

import pytest

import stand_in
from harness import ROOT
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


@pytest.mark.parametrize("role, agents", [("responder", ("fine", "option")), ("requester", ("option", "fine"))])
def test_a_side_that_never_runs_is_a_turn_that_failed_and_costs_nothing(home, role, agents):
    ran = home.root / "ran"
    home.write_config({"fine": {}, "option": {"model": "-m"}})
    topic = stand_in.steps(stand_in.count(ran), {"text": "x"})
    said = home.serve().value("dispatch_dialogue", {"requester": agents[0], "responder": agents[1], "topic": topic})
    (turn,) = said["conversation"]
    assert turn == {
        "agent": "option", "role": role, "round": 1, "message": "", "cost_usd": None, "error": turn["error"],
        "error_type": "cli_error",
    }  # fmt: skip
    assert said == {
        "resolved": False, "rounds": 1, "total_cost_usd": 0.0, "total_duration_ms": 0, "final_answer": turn["error"],
        "conversation": [turn],
    }  # fmt: skip
    assert stand_in.executions(ran) == 0 and not home.request_files()


@pytest.mark.parametrize("depth", ["2", " 2 ", "99999999999999999999"])
def test_at_the_depth_limit_every_answer_has_its_usual_form(home, depth):
    home.write_config({"notes": {}, "other": {}}, settings={"max_dispatch_depth": 2})
    client = home.serve(env=home.env(AGENT_DISPATCH_DEPTH=depth))
    said = client.value("dispatch_dialogue", {"requester": "notes", "responder": "other", "topic": "t"})
    assert [(turn["agent"], turn["error_type"]) for turn in said["conversation"]] == [("other", "recursion")]
    both = client.value("dispatch_parallel", {"dispatches": json.dumps([{"agent": "notes", "task": "x"}]), "aggregate": "other"})
    assert both.keys() == {"individual_results", "aggregated"}
    assert [item["error_type"] for item in both["individual_results"]] == ["recursion"]
    assert (both["aggregated"]["agent"], both["aggregated"]["error_type"]) == ("other", "recursion")
    assert client.value("dispatch", {"agent": "notes", "task": "x"})["error_type"] == "recursion"
    assert home.dispatch("notes", "x", env=home.env(AGENT_DISPATCH_DEPTH=depth))["error_type"] == "recursion"
    assert home.cli("dialogue", "notes", "other", "t", env=home.env(AGENT_DISPATCH_DEPTH=depth)).code == 1


# --- what it takes ---


@pytest.mark.parametrize("slots, most", [(1, 100), (6, 120)])
def test_the_items_of_a_call_are_bounded_by_the_slots(home, slots, most):
    home.write_config({"gone": {"directory": str(home.root / "gone")}}, settings={"max_concurrency": slots})
    client = home.serve()

    def call(count):
        return client.value("dispatch_parallel", {"dispatches": json.dumps([{"agent": "gone", "task": "x"}] * count)}, seconds=60)

    assert f"at most {most}" in call(most + 1)["error"]
    assert len(call(most)) == most


def test_an_unknown_permission_mode_is_stored_and_said_to_be_one(home, client):
    directory = str(home.agent_directory("shop"))
    added = client.value("add_agent", {"name": "shop", "directory": directory, "permission_mode": "fast"})
    assert added["permission_mode"] == "fast" and "fast" in added["hint"], added
    updated = client.value("update_agent", {"name": "shop", "permission_mode": "faster"})
    assert updated["fields"] == ["permission_mode"] and "faster" in updated["hint"], updated
    assert client.value("inspect_agent", {"name": "shop"})["permission_mode"] == "faster"


def test_a_schema_says_that_other_parameters_are_refused(client):
    for tool in client.request("tools/list")["result"]["tools"]:
        assert tool["inputSchema"]["additionalProperties"] is False, tool["name"]
    answer = client.call("dispatch", {"agent": "notes", "task": "x", "model": "opus"})
    assert answer["isError"] and "unknown parameter 'model'" in text_value(answer)["error"]


@pytest.mark.parametrize("given, is_ref", [(1, True), ("yes", True), ("True", True), (0, False), ("off", False), (None, False)])
def test_a_flag_may_be_a_word_or_a_number(client, given, is_ref):
    answer = client.value("dispatch", {"agent": "notes", "task": stand_in.say("x"), "return_ref": given})
    assert ("ref" in answer) is is_ref, answer


def test_a_status_may_have_blanks_round_it(client):
    client.value("dispatch", {"agent": "notes", "task": stand_in.say("x"), "return_ref": True})
    assert [row["status"] for row in client.value("dispatch_jobs", {"status": " Done "})] == ["done"]


@pytest.mark.parametrize("seconds", ["0", "-1"])
def test_a_test_without_a_timeout_of_its_own_has_the_agents(home, seconds):
    home.write_config({"notes": {"timeout": 1}})
    answer = home.cli("test", "notes", stand_in.hang(), "--timeout", seconds)
    assert answer.code == 1 and "timed out after 1 s" in answer.err, answer


def test_an_empty_text_in_the_file_is_none(home):
    home.write_config({"notes": {"model": "", "permission_mode": ""}}, settings={"default_permission_mode": "plan"})
    client = home.serve()
    assert options_of(home, client) == ["--permission-mode", "plan"]
    (row,) = client.value("list_agents")
    assert not {"model", "permission_mode"} & (row.keys() | client.value("inspect_agent", {"name": "notes"}).keys())


def test_a_shared_context_of_blanks_is_none(home):
    members = [{"agent": "notes"}]
    home.write_config(
        {"notes": {}},
        groups={"blank": {"shared_context": " \n", "members": members}, "padded": {"shared_context": "\nfacts\n", "members": members}},
    )
    client = home.serve()
    assert [row["shared_context_present"] for row in client.value("list_groups")] == [False, True]
    assert client.value("inspect_group", {"name": "padded"})["shared_context"] == "\nfacts\n"
    told = {
        group: client.value("dispatch", {"agent": "notes", "task": "t", "context": "own", "group": group})["result"]
        for group in ("blank", "padded")
    }
    assert told["blank"] == "Context:\nown\n\nTask:\nt"
    assert told["padded"] == "Context:\nFor everybody in the group 'padded':\nfacts\n\nown\n\nTask:\nt"


def test_what_the_commands_write_is_what_the_python_program_reads(home):
    """Only keys that it knows, of the types that it takes; its models refuse null where a text or number belongs."""
    options = ["-d", "D", "--timeout", "5", "--model", "m", "--max-budget", "1.5", "--permission-mode", "plan"]
    lists = ["--allowed-tools", "A,B", "--disallowed-tools", ",", "--capabilities", "c", "--risky-capabilities", "r"]
    home.write_config({})  # in JSON, which stays
    assert home.cli("add", "full", str(home.agent_directory("full")), *options, *lists).code == 0
    assert home.cli("add", "bare", str(home.agent_directory("bare"))).code == 0
    assert home.cli("group", "add", "team", "-d", "G", "--shared-context", "S", "--member", "full").code == 0
    assert json.loads(home.config.read_text()) == {
        "agents": {
            "full": {
                "directory": str(home.agent_directory("full")), "description": "D", "timeout": 5, "max_budget_usd": 1.5,
                "model": "m", "permission_mode": "plan", "allowed_tools": ["A", "B"], "disallowed_tools": [],
                "capabilities": ["c"], "risky_capabilities": ["r"],
            },
            "bare": {"directory": str(home.agent_directory("bare")), "description": "Agent in bare", "timeout": 300},
        },
        "groups": {"team": {"description": "G", "shared_context": "S", "members": [{"agent": "full"}]}},
    }  # fmt: skip


def test_the_document_names_tests_that_exist():
    text = (ROOT / "docs" / "python-program.md").read_text()
    e2e = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", text))
    units = set(re.findall(r'`(\w+_test\.cpp)` "([^"]+)"', text))
    assert len(e2e) > 60 and len(units) > 30
    sources = {path.name: path.read_text() for path in (ROOT / "tests").rglob("*") if path.suffix in (".py", ".cpp")}
    gone = {(file, name) for file, name in e2e if not re.search(rf"^def {name}\(", sources.get(file, ""), re.M)}
    gone |= {(file, name) for file, name in units if f'"{name}"' not in sources.get(file, "")}
    assert not gone
