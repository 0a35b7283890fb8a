"""`agent-dispatch serve` as an MCP server, over its real stdio; the agents are the compiled stand-in CLI."""

import json
import signal

import pytest

import stand_in
from mcp_client import HANDSHAKE_REVISIONS, text_value
from processes import wait_until

TOOLS = {"list_agents", "inspect_agent", "dispatch", "dispatch_session", "dispatch_stream"}
TOOLS |= {"list_groups", "inspect_group", "add_agent", "update_agent", "remove_agent"}
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602


@pytest.fixture
def client(home):
    home.write_config({"notes": {"description": "keeper of notes"}, "other": {}})
    return home.serve()


# --- the handshake ---


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
def test_each_handshake_revision_is_spoken(home, revision):
    home.write_config({"notes": {}})
    client = home.serve(initialize=False)
    result = client.initialize(revision)
    assert result["protocolVersion"] == revision
    assert "tools" in result["capabilities"] and result["serverInfo"]["name"] == "agent-dispatch"
    assert {tool["name"] for tool in client.request("tools/list")["result"]["tools"]} >= TOOLS


def test_an_unknown_revision_is_answered_with_one_that_is_known(home):
    client = home.serve(initialize=False)
    assert client.initialize("1999-01-01")["protocolVersion"] in HANDSHAKE_REVISIONS




def test_ping_is_answered(client):
    assert client.request("ping")["result"] == {}


def test_tools_have_schemas_and_short_descriptions(client):
    tools = {tool["name"]: tool for tool in client.request("tools/list")["result"]["tools"]}
    assert tools.keys() >= TOOLS
    for tool in tools.values():
        assert tool["inputSchema"]["type"] == "object"
        assert 0 < len(tool["description"].encode()) < 2048
    assert set(tools["dispatch"]["inputSchema"]["required"]) == {"agent", "task"}
    session = tools["dispatch_session"]["inputSchema"]
    assert {"agent", "task", "session_id"} <= session["properties"].keys()


# --- tools ---


def test_list_agents_says_what_there_is(home):
    directory = home.agent_directory("notes")
    (directory / "CLAUDE.md").write_text("# Notes\nAll that was ever noted.\n")
    (directory / ".mcp.json").write_text(json.dumps({"mcpServers": {"probe": {"command": "true"}}}))
    gone = home.root / "gone"
    home.write_config(
        {
            "notes": {"description": "keeper of notes", "allowed_tools": [], "capabilities": ["read"]},
            "lost": {"directory": str(gone)},
        }
    )
    notes, lost = home.serve().value("list_agents")
    assert notes["name"] == "notes" and notes["directory"] == str(directory) and notes["healthy"] is True
    assert notes["description"] == "keeper of notes" and notes["has_claude_md"] is True
    assert notes["has_mcp_config"] is True and notes["mcp_servers"] == ["probe"]
    assert notes["allowed_tools"] == [] and notes["capabilities"] == ["read"] and "disallowed_tools" not in notes
    assert lost["healthy"] is False


def test_list_agents_without_agents_is_an_error(home):
    result = home.serve().call("list_agents")
    assert "error" in text_value(result)


def test_inspect_agent_previews_its_papers(home):
    directory = home.agent_directory("notes")
    (directory / "CLAUDE.md").write_text("\n".join(f"line {number} ü" for number in range(100)))
    home.write_config({"notes": {"timeout": 77}})
    client = home.serve()
    whole = client.value("inspect_agent", {"name": "notes", "preview_lines": 200})
    assert whole["timeout"] == 77 and whole["healthy"] is True and whole["has_claude_md"] is True
    assert whole["claude_md_preview"].endswith("line 99 ü") and "claude_md_preview_truncated" not in whole
    cut = client.value("inspect_agent", {"name": "notes", "preview_lines": 3})
    assert "line 2" in cut["claude_md_preview"] and "line 3 " not in cut["claude_md_preview"]
    assert [value for name, value in cut.items() if name.endswith("_truncated")] == [True]


def test_an_unknown_agent_is_named_with_those_there_are(client):
    for tool, arguments in [("inspect_agent", {"name": "foo"}), ("dispatch", {"agent": "foo", "task": "x"})]:
        assert client.value(tool, arguments)["error"] == "Unknown agent: 'foo'. Available: notes, other"


def test_an_edit_of_the_configuration_holds_from_the_next_call(home, client):
    home.write_config({"fresh": {}})
    assert [agent["name"] for agent in client.value("list_agents")] == ["fresh"]


def test_a_dispatch_answers(client):
    result = client.value("dispatch", {"agent": "notes", "task": stand_in.say("hello ü\u2028")})
    assert result["success"] is True and result["result"] == "hello ü\u2028" and result["agent"] == "notes"


def test_a_json_answer_is_parsed(client):
    arguments = {"agent": "notes", "task": stand_in.say('```json\n{"a": [1, 2]}\n```'), "response_format": "json"}
    assert client.value("dispatch", arguments)["parsed_result"] == {"a": [1, 2]}
    arguments["task"] = stand_in.say("no JSON at all")
    assert "parsed_result" not in client.value("dispatch", arguments)


def test_a_session_is_handed_on(client):
    first = client.value("dispatch", {"agent": "notes", "task": stand_in.say("one")})
    second = client.value(
        "dispatch_session", {"agent": "notes", "task": stand_in.say("two"), "session_id": first["session_id"]}
    )
    assert second["result"] == "two" and second["session_id"] == first["session_id"]


@pytest.mark.parametrize("session", ["-p", "--dangerously-skip-permissions"])
def test_a_session_id_like_an_option_never_reaches_the_cli(client, session):
    arguments = {"agent": "notes", "task": stand_in.say("x"), "session_id": session}
    result = client.value("dispatch_session", arguments)
    assert result["success"] is False and result["error_type"] == "cli_error", result


def test_a_stream_tells_what_happens_while_it_happens(client):
    task = stand_in.tell_then_hang("first words")
    pending = client.start_call("dispatch_stream", {"agent": "notes", "task": task}, token="t1")
    client.wait_notification(
        lambda message: message["method"] == "notifications/progress"
        and "first words" in message["params"].get("message", "")
    )
    assert not pending.answered()
    steps = [params["progress"] for _, params in client.progress("t1")]
    assert steps == sorted(steps) and len(set(steps)) == len(steps), "progress only grows"
    client.cancel(pending)


def test_a_caller_without_a_token_gets_no_progress(client):
    client.value("dispatch_stream", {"agent": "notes", "task": stand_in.say("x")})
    assert not [m for _, m in client.notifications if m["method"] == "notifications/progress"]


def test_a_queued_call_says_that_it_is_queued(home, client):
    first = client.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
    wait_until(home.agents_running)
    second = client.start_call("dispatch", {"agent": "notes", "task": stand_in.say("after")}, token="q")
    client.wait_notification(lambda m: m["method"] == "notifications/progress" and m["params"]["progressToken"] == "q")
    client.cancel(first)
    assert text_value(second.wait()["result"])["result"] == "after"


# --- cancellation and concurrency ---


def test_a_cancelled_call_frees_its_slot(home):
    home.write_config({"notes": {}}, settings={"max_concurrency": 1})
    client = home.serve()
    pending = client.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
    wait_until(home.agents_running)
    client.cancel(pending)
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("free")})["result"] == "free"
    assert not pending.answered()
    assert home.status()["slots"]["used"] == 0


def test_a_call_cancelled_in_the_queue_never_starts(home, client):
    first = client.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
    wait_until(home.agents_running)
    mark = home.root / "started"
    second = client.start_call("dispatch", {"agent": "notes", "task": stand_in.touch(mark)})
    wait_until(lambda: home.status()["queued"] == 1)
    client.cancel(second)
    wait_until(lambda: home.status()["queued"] == 0)
    client.cancel(first)
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("next")})["result"] == "next"
    assert not mark.exists()


def test_cancelling_what_is_answered_or_unknown_harms_nothing(client):
    pending = client.start_call("dispatch", {"agent": "notes", "task": stand_in.say("done")})
    pending.wait()
    client.cancel(pending)
    client.notify("notifications/cancelled", {"requestId": "never heard of"})
    client.notify("notifications/cancelled", {})
    assert client.request("ping")["result"] == {}


def test_calls_in_flight_are_answered_as_they_finish(home, client):
    slow = client.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
    wait_until(home.agents_running)
    quick = client.start_call("dispatch", {"agent": "other", "task": stand_in.say("quick")})
    listing = client.start_call("list_agents")
    assert text_value(listing.wait(5)["result"])
    assert text_value(quick.wait()["result"])["result"] == "quick"
    assert not slow.answered()
    client.cancel(slow)


def test_the_slots_bound_what_runs_at_once(home):
    home.write_config({name: {} for name in "abcd"}, settings={"max_concurrency": 2})
    client = home.serve()
    calls = [client.start_call("dispatch", {"agent": name, "task": stand_in.hang()}) for name in "abcd"]
    wait_until(lambda: home.status()["queued"] == 2)
    assert home.status()["live_runs"] == 2
    wait_until(lambda: len(home.agents_running()) == 2)
    for call in calls:
        client.cancel(call)
    wait_until(lambda: home.status()["live_runs"] == 0)


def test_an_agent_works_on_one_thing_at_a_time(home, client):
    calls = [client.start_call("dispatch", {"agent": "notes", "task": f"{number} {stand_in.hang()}"}) for number in range(3)]
    wait_until(lambda: home.status()["queued"] == 2 and home.agents_running())
    assert len(home.agents_running()) == 1
    for call in calls:
        client.cancel(call)


def test_forty_calls_are_all_answered(home):
    home.write_config({f"agent{number}": {} for number in range(8)}, settings={"max_concurrency": 4})
    client = home.serve()
    calls = [
        client.start_call("dispatch", {"agent": f"agent{number % 8}", "task": stand_in.say(f"answer {number}")})
        for number in range(40)
    ]
    answers = [text_value(call.wait(60)["result"])["result"] for call in calls]
    assert answers == [f"answer {number}" for number in range(40)]


# --- what is wrong ---


def test_bad_json_is_answered_and_the_connection_lives(client):
    client.send_bytes(b"{this is no JSON}\n")
    wait_until(lambda: client.unmatched)
    assert client.unmatched[0]["error"]["code"] == PARSE_ERROR and client.unmatched[0].get("id") is None
    assert client.request("ping")["result"] == {}


@pytest.mark.parametrize("line", [b"\xff\xfe\x00garbage\n", b"\n", b"   \n", b"null\n", b'"text"\n', b"[]\n", b"42\n", b"{}\n"])
def test_garbage_harms_nothing(client, line):
    client.send_bytes(line)
    assert client.request("ping")["result"] == {}


def test_deeply_nested_json_harms_nothing(client):
    client.send_bytes(b"[" * 200_000 + b"]" * 200_000 + b"\n")
    assert client.request("ping")["result"] == {}


def test_an_unknown_method_is_said_to_be_one(client):
    assert client.request("agents/teleport")["error"]["code"] == METHOD_NOT_FOUND
    client.notify("notifications/teleported")
    assert client.request("ping")["result"] == {}


def test_a_request_that_is_none_is_refused(client):
    client.send({"jsonrpc": "2.0", "id": "odd", "method": 7})
    wait_until(lambda: client.unmatched)
    assert client.unmatched[0]["error"]["code"] == INVALID_REQUEST


def test_an_unknown_tool_is_said_to_be_one(client):
    answer = client.start_call("teleport").wait()
    assert answer["error"]["code"] == INVALID_PARAMS and "teleport" in answer["error"]["message"]


@pytest.mark.parametrize(
    "arguments, named",
    [
        ({"agent": "notes"}, "task"),
        ({"task": "x"}, "agent"),
        ({"agent": 7, "task": "x"}, "agent"),
        ({"agent": "notes", "task": ["x"]}, "task"),
        ({"agent": "notes", "task": "x", "timeout_seconds": "soon"}, "timeout_seconds"),
        ({"agent": "notes", "task": "x", "response_format": "xml"}, "response_format"),
    ],
)
def test_bad_arguments_are_named(client, arguments, named):
    answer = client.start_call("dispatch", arguments).wait()
    said = answer["error"]["message"] if "error" in answer else text_value(answer["result"])["error"]
    assert named in said, answer


def test_parameters_that_are_no_object_are_refused(client):
    for params in (None, 7, "x", ["dispatch"], {"name": 7}, {"name": "dispatch", "arguments": "x"}):
        answer = client.start("tools/call", params).wait()
        assert answer["error"]["code"] in (INVALID_PARAMS, INVALID_REQUEST), (params, answer)


def test_a_line_of_64_mebibytes_hurts_nobody(home, client):
    other = home.serve()
    client.send_bytes(b'{"jsonrpc":"2.0","id":"big","method":"ping","params":{"x":"')
    block = b"a" * (1 << 20)
    for _ in range(63):
        client.send_bytes(block)
    client.send_bytes(b'"}}\n')
    for _ in range(5):
        assert other.request("ping", seconds=5)["result"] == {}
    wait_until(lambda: client.unmatched, 120)
    assert client.unmatched[0]["id"] == "big", client.unmatched[0]
    assert client.request("ping")["result"] == {}


def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_served(client):
    block = b"a" * (1 << 20)
    for _ in range(66):
        client.send_bytes(block)
    client.send_bytes(b"\n")
    assert client.request("ping", seconds=60)["result"] == {}


def test_a_lone_surrogate_does_not_break_the_transport(client):
    client.send_bytes(
        b'{"jsonrpc":"2.0","id":"s","method":"tools/call","params":'
        b'{"name":"inspect_agent","arguments":{"name":"\\ud800"}}}\n'
    )
    wait_until(lambda: client.unmatched)
    assert client.request("ping")["result"] == {}


# --- the end ---


def test_the_end_of_input_ends_the_server_cleanly(client):
    assert client.close() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_cleanly(client, number):
    assert client.end_with(number) in (0, -number, 128 + number)


@pytest.mark.parametrize("how", ["end of input", signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_client_that_leaves_ends_its_own_runs(home, how):
    home.write_config({"notes": {}, "other": {}})
    leaving, staying = home.serve(), home.serve()
    leaving.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
    other = staying.start_call("dispatch", {"agent": "other", "task": stand_in.hang()})
    wait_until(lambda: len(home.agents_running()) == 2)
    if how == "end of input":
        leaving.close()
    else:
        leaving.end_with(how)
    wait_until(lambda: len(home.agents_running()) == 1, 15, "the run of the one that left is ended")
    assert not other.answered()
    staying.cancel(other)


def test_nothing_but_protocol_is_on_stdout(client):
    client.value("dispatch", {"agent": "notes", "task": stand_in.say("x")})
    client.close()
    assert client.garbage == []
