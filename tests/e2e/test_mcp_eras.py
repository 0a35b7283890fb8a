"""MCP in each of its revisions, and several of them on one connection."""

import json

import pytest

import mcp_schemas
import stand_in
from mcp_client import CAPABILITIES_KEY, REVISION_KEY, text_value
from mcp_schemas import HANDSHAKE_REVISIONS, REVISIONS, STATELESS_REVISIONS
from processes import PATIENCE, wait_until

NEWEST = STATELESS_REVISIONS[-1]
UNSUPPORTED_REVISION = -32022
INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601
ARRAY_TOOLS = {"list_agents", "list_groups", "dispatch_parallel", "dispatch_jobs"}


slow_without_optimisation = pytest.mark.skipif(PATIENCE > 1, reason="takes a program without optimisation and with a sanitizer a minute")


def speaking(home, revision):
    """A client that speaks this revision."""
    client = home.serve(initialize=False)
    if revision in STATELESS_REVISIONS:
        client.stateless = revision
    else:
        assert client.initialize(revision)["protocolVersion"] == revision
    return client


@pytest.fixture
def configured(home):
    home.write_config(
        {"notes": {"description": "keeper", "capabilities": ["read"]}, "other": {"allowed_tools": []}},
        groups={"team": {"shared_context": "blue", "members": [{"agent": "notes", "use_for": "all"}, {"agent": "gone"}]}},
    )
    return home


@pytest.fixture(params=REVISIONS)
def client(request, configured):
    return speaking(configured, request.param)


def spoken(client):
    return client.stateless or client.revision


def list_tools(client):
    return {tool["name"]: tool for tool in client.request("tools/list")["result"]["tools"]}


def test_messages_are_checked_against_the_official_schemas():
    if mcp_schemas.directory() is None:
        pytest.skip("AGENT_DISPATCH_MCP_SCHEMAS names no directory with the official schemas, or jsonschema is not installed")
    for revision in REVISIONS:
        assert not mcp_schemas.problems_of_message(revision, {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete"}})
        assert mcp_schemas.problems_of_message(revision, {"jsonrpc": "2.0", "id": 1, "result": {"tools": 3}}, "tools/list")
        assert mcp_schemas.problems_of_message(revision, {"jsonrpc": "2.0", "method": "notifications/nonsense"})


def test_a_tool_looks_as_its_revision_has_it(client):
    revision, tools = spoken(client), list_tools(client)
    for name, tool in tools.items():
        assert ("annotations" in tool) == (revision >= "2025-03-26")
        assert ("title" in tool) == (revision >= "2025-06-18")
        is_structured = revision >= "2026" or (revision >= "2025-06-18" and name not in ARRAY_TOOLS)
        assert ("outputSchema" in tool) == is_structured, name
        if is_structured and revision < "2026":
            assert tool["outputSchema"]["type"] == "object"
    if revision >= "2025-06-18":
        assert tools["dispatch"]["_meta"]["anthropic/maxResultSizeChars"] == 500_000


def test_annotations_say_what_a_tool_does(configured):
    hints = {name: tool["annotations"] for name, tool in list_tools(speaking(configured, NEWEST)).items()}
    names = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
    expected = {
        "list_agents": (True, None, None, False),
        "dispatch": (False, True, False, True),
        "dispatch_async": (False, True, False, True),
        "dispatch_wait": (True, None, None, False),
        "dispatch_cancel": (False, True, True, False),
        "add_agent": (False, False, False, False),
        "remove_agent": (False, True, True, False),
        "cache_clear": (False, False, True, False),
    }
    for tool, values in expected.items():
        assert tuple(hints[tool].get(name) for name in names) == values, tool


def calls(home):
    """A call of every tool, good ones and bad ones, in an order that works."""
    say, ref = {"agent": "notes", "task": stand_in.say("said")}, "0" * 32
    yield "list_agents", {}
    yield "inspect_agent", {"name": "notes"}
    yield "inspect_agent", {"name": "nobody"}
    yield "list_groups", {}
    yield "inspect_group", {"name": "team"}
    yield "dispatch", say
    yield "dispatch", say  # from the cache
    yield "dispatch", say | {"return_ref": True}
    yield "dispatch", say | {"agent": "nobody"}
    yield "dispatch", {"agent": "notes", "task": stand_in.steps({"deny": "Bash"}, {"text": "x"})}
    yield "dispatch", {"agent": "notes", "task": stand_in.steps({"exit": 3})}
    yield "dispatch", {"agent": "notes", "task": stand_in.say("[1]"), "response_format": "json"}
    yield "dispatch", {}
    yield "dispatch_session", say
    yield "dispatch_stream", say
    yield "dispatch_parallel", {"dispatches": json.dumps([say, say | {"return_ref": True}])}
    yield "dispatch_parallel", {"dispatches": json.dumps([say]), "aggregate": "other"}
    yield "dispatch_parallel", {"dispatches": "["}
    yield "dispatch_dialogue", {"requester": "notes", "responder": "other", "topic": "x", "max_rounds": 1}
    yield "dispatch_async", say
    yield "dispatch_status", {"job_id": ref}
    yield "dispatch_jobs", {}
    yield "dispatch_wait", {"job_id": ref}
    yield "dispatch_cancel", {"job_id": ref}
    yield "fetch_result", {"ref": ref}
    yield "dispatch_gc", {}
    yield "cache_stats", {}
    yield "cache_clear", {}
    yield "add_agent", {"name": "new", "directory": str(home.agent_directory("new"))}
    yield "update_agent", {"name": "new", "model": "sonnet"}
    yield "remove_agent", {"name": "new"}
    yield "list_groups", {"unknown": 1}


def test_every_answer_is_valid_and_says_its_value_once(configured, client):
    """The client checks each message against its schema, where there is one."""
    revision, tools = spoken(client), list_tools(client)
    seen = set()
    for name, arguments in calls(configured):
        result = client.call(name, arguments)
        value = text_value(result)
        seen.add(name)
        assert ("structuredContent" in result) == ("outputSchema" in tools[name]), name
        if "structuredContent" in result:
            assert result["structuredContent"] == value
        is_error = isinstance(value, dict) and "error" in value and "agent" not in value
        assert result.get("isError", False) == is_error
        assert (result.get("resultType") == "complete") == (revision in STATELESS_REVISIONS)
    assert seen == tools.keys()


def test_jobs_have_structured_records(configured):
    client = speaking(configured, NEWEST)
    list_tools(client)
    task = {"agent": "notes", "task": stand_in.wait_for(configured.root / "door", "done")}
    job = client.value("dispatch_async", task)["job_id"]
    configured.wait_for_status(job, "running")
    assert client.call("dispatch_status", {"job_id": job})["structuredContent"]["status"] == "running"
    assert client.call("fetch_result", {"ref": job})["structuredContent"]["status"] == "running"
    assert client.call("dispatch_wait", {"job_id": job, "timeout_seconds": 1})["structuredContent"]["timed_out_waiting"]
    (configured.root / "door").touch()
    assert client.call("dispatch_wait", {"job_id": job})["structuredContent"]["result"]["result"] == "done"
    assert client.call("fetch_result", {"ref": job, "max_chars": 2})["structuredContent"]["truncated"]
    assert client.call("dispatch_jobs")["structuredContent"][0]["id"] == job
    assert client.call("dispatch_cancel", {"job_id": job})["structuredContent"]["outcome"] == "already_terminal"


def test_progress_is_as_the_revision_has_it(configured, client):
    client.call("dispatch_stream", {"agent": "notes", "task": stand_in.say("one")}, token="t")
    told = [params for _, params in client.progress("t")]
    assert told and all(("message" in params) == (spoken(client) >= "2025-03-26") for params in told)
    assert [params["progress"] for params in told] == sorted({params["progress"] for params in told})


# --- the stateless revision ---


def test_discover_says_what_there_is(configured):
    client = configured.serve(initialize=False)
    client.stateless = NEWEST
    result = client.start("server/discover", identity="discover-1").wait(3)["result"]
    assert result["supportedVersions"] == REVISIONS[::-1]
    assert result["resultType"] == "complete" and result["ttlMs"] > 0 and result["cacheScope"] == "public"
    assert "tools" in result["capabilities"] and 0 < len(result["instructions"].encode()) < 2048
    assert result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "agent-dispatch"


def test_lists_say_how_long_they_hold(configured):
    result = speaking(configured, NEWEST).request("tools/list")["result"]
    assert result["ttlMs"] > 0 and result["cacheScope"] == "public" and result["resultType"] == "complete"


@pytest.mark.parametrize("revision", ["2027-01-01", "", 7, ["2026-07-28"]], ids=str)
def test_a_revision_that_is_not_spoken_is_an_error_with_those_that_are(configured, revision):
    client = configured.serve(initialize=False)
    for method in ("server/discover", "tools/list", "nonsense"):
        client.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": {REVISION_KEY: revision, CAPABILITIES_KEY: {}}}})
    wait_until(lambda: len(client.unmatched) == 3)
    for message in client.unmatched:
        assert message["error"]["code"] == UNSUPPORTED_REVISION
        assert message["error"]["data"]["supported"] == REVISIONS[::-1]
        assert isinstance(message["error"]["data"]["requested"], str)


def test_a_stateless_request_says_what_its_client_can(configured):
    client = configured.serve(initialize=False)
    answer = client.request("tools/list", {"_meta": {REVISION_KEY: NEWEST}})
    assert answer["error"]["code"] == INVALID_PARAMS and CAPABILITIES_KEY in answer["error"]["message"]


@pytest.mark.parametrize("method", ["ping", "logging/setLevel"])
def test_what_the_stateless_revision_has_no_more_is_not_there(configured, method):
    assert speaking(configured, NEWEST).request(method)["error"]["code"] == METHOD_NOT_FOUND


def test_a_request_may_say_an_earlier_revision(configured):
    client = configured.serve(initialize=False)
    meta = {REVISION_KEY: "2025-06-18", CAPABILITIES_KEY: {}}
    assert "resultType" not in client.request("tools/list", {"_meta": meta})["result"]


@pytest.mark.parametrize("first", REVISIONS)
@pytest.mark.parametrize("second", HANDSHAKE_REVISIONS)
def test_both_eras_on_one_connection_in_any_order(configured, first, second):
    client = speaking(configured, first)
    assert client.value("list_agents")[0]["name"] == "notes"
    client.stateless = None
    assert client.initialize(second)["protocolVersion"] == second
    assert "resultType" not in client.call("list_agents")
    client.stateless = NEWEST
    assert client.call("list_agents")["resultType"] == "complete"
    client.stateless = None
    assert "annotations" not in list_tools(client)["dispatch"] or second >= "2025-03-26"


def test_the_handshakes_revision_outlives_the_supervisor(configured):
    client = speaking(configured, "2025-03-26")
    configured.kill_supervisor()
    assert "title" not in list_tools(client)["dispatch"]


def test_an_answer_after_a_death_has_the_form_of_its_request(configured):
    client = speaking(configured, NEWEST)
    door = configured.root / "door"
    call = client.start_call("dispatch", {"agent": "notes", "task": stand_in.wait_for(door, "late")})
    wait_until(configured.agents_running)
    configured.kill_supervisor()
    door.touch()
    result = call.wait()["result"]
    assert result["resultType"] == "complete" and result["structuredContent"]["result"] == "late"


# --- prompts, resources, completion, log ---


def test_prompts_are_listed_and_filled_in(client):
    prompts = {prompt["name"]: prompt for prompt in client.request("prompts/list")["result"]["prompts"]}
    assert set(prompts) == {"delegate", "ask_several", "let_them_talk", "work_with_group"}
    assert all(("title" in prompt) == (spoken(client) >= "2025-06-18") for prompt in prompts.values())
    values = {"agent": "notes", "task": "count", "question": "why?", "requester": "notes", "responder": "other"} | {
        "topic": "all", "group": "team", "agents": "notes, other", "aggregate": "other"
    }  # fmt: skip
    for name, prompt in prompts.items():
        given = {argument["name"]: values[argument["name"]] for argument in prompt["arguments"]}
        result = client.request("prompts/get", {"name": name, "arguments": given})["result"]
        (message,) = result["messages"]
        assert message["role"] == "user" and all(value in message["content"]["text"] for value in given.values())
        required = {argument["name"]: values[argument["name"]] for argument in prompt["arguments"] if argument["required"]}
        assert "result" in client.request("prompts/get", {"name": name, "arguments": required})


@pytest.mark.parametrize(
    "params, named",
    [
        ({}, "name"),
        ({"name": "nonsense"}, "nonsense"),
        ({"name": "delegate"}, "task"),
        ({"name": "delegate", "arguments": {"task": " "}}, "task"),
        ({"name": "delegate", "arguments": {"task": "x", "extra": "y"}}, "extra"),
        ({"name": "delegate", "arguments": {"task": 3}}, "strings"),
        ({"name": "delegate", "arguments": []}, "object"),
    ],
    ids=str,
)
def test_a_prompt_that_cannot_be_given_says_why(configured, params, named):
    error = speaking(configured, NEWEST).request("prompts/get", params)["error"]
    assert error["code"] == INVALID_PARAMS and named in error["message"]


def test_agents_and_jobs_are_resources(configured, client):
    job = client.value("dispatch_async", {"agent": "notes", "task": stand_in.say("said")})["job_id"]
    configured.ended_job(job)
    listed = {each["uri"]: each for each in client.request("resources/list")["result"]["resources"]}
    assert set(listed) == {"agent://notes", "agent://other", f"job://{job}"}
    read = client.request("resources/read", {"uri": f"job://{job}"})["result"]
    (content,) = read["contents"]
    assert content["uri"] == f"job://{job}" and content["mimeType"] == "application/json"
    assert json.loads(content["text"])["result"]["result"] == "said"
    (agent,) = client.request("resources/read", {"uri": "agent://notes"})["result"]["contents"]
    assert json.loads(agent["text"])["description"] == "keeper"
    templates = client.request("resources/templates/list")["result"]["resourceTemplates"]
    assert {each["uriTemplate"] for each in templates} == {"job://{job_id}", "agent://{agent}"}
    if client.stateless:
        assert read["ttlMs"] > 0 and read["cacheScope"] == "private"


@pytest.mark.parametrize("uri", ["job://" + "0" * 32, "job://../../etc/passwd", "agent://nobody", "file:///etc/passwd", "", None, 7])
def test_a_resource_that_there_is_not(client, uri):
    error = client.request("resources/read", {"uri": uri})["error"]
    if not isinstance(uri, str):
        assert error["code"] == INVALID_PARAMS
    else:
        assert error["code"] == (INVALID_PARAMS if client.stateless else -32002) and error["data"] == {"uri": uri}


def complete(client, ref, name, value):
    params = {"ref": ref, "argument": {"name": name, "value": value}}
    return client.request("completion/complete", params)["result"]["completion"]["values"]


def test_names_are_completed(configured, client):
    job = client.value("dispatch_async", {"agent": "notes", "task": stand_in.say("said")})["job_id"]
    prompt = {"type": "ref/prompt", "name": "delegate"}
    assert complete(client, prompt, "agent", "") == ["notes", "other"]
    assert complete(client, prompt, "agent", "no") == ["notes"]
    assert complete(client, prompt, "task", "no") == []
    several = {"type": "ref/prompt", "name": "ask_several"}
    assert complete(client, several, "agents", "notes, o") == ["notes,other"]
    assert complete(client, several, "agents", "notes,") == ["notes,other"]
    assert complete(client, {"type": "ref/prompt", "name": "work_with_group"}, "group", "t") == ["team"]
    assert complete(client, {"type": "ref/resource", "uri": "job://{job_id}"}, "job_id", job[:3]) == [job]
    assert complete(client, {"type": "ref/resource", "uri": "agent://{agent}"}, "agent", "o") == ["other"]
    for wrong in ({"type": "ref/prompt", "name": "nonsense"}, {"type": "ref/resource", "uri": "x://"}, {"type": "nonsense"}):
        answer = client.request("completion/complete", {"ref": wrong, "argument": {"name": "agent", "value": ""}})
        assert answer["error"]["code"] == INVALID_PARAMS
    configured.ended_job(job)


def logged(client):
    return [message["params"] for _, message in client.notifications if message["method"] == "notifications/message"]


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
def test_a_session_that_sets_a_log_level_hears_what_happens(configured, revision):
    client, task = speaking(configured, revision), {"agent": "notes", "task": stand_in.say("hello")}
    client.value("dispatch_stream", task)
    assert logged(client) == []
    for level, heard in (("debug", True), ("info", True), ("notice", False), ("emergency", False)):
        assert client.request("logging/setLevel", {"level": level})["result"] == {}
        client.notifications.clear()
        client.value("dispatch_stream", task)
        assert ("hello" in [each["data"]["message"] for each in logged(client)]) == heard
    for params in ({}, {"level": "loud"}, {"level": 3}):
        assert client.request("logging/setLevel", params)["error"]["code"] == INVALID_PARAMS


def test_a_stateless_request_sets_its_own_log_level(configured):
    client, key = speaking(configured, NEWEST), "io.modelcontextprotocol/logLevel"
    params = {"name": "dispatch_stream", "arguments": {"agent": "notes", "task": stand_in.say("hello")}}
    client.request("tools/call", params)
    assert logged(client) == []
    answer = client.start("tools/call", params | {"_meta": {key: "info"}}, identity="seventh").wait()
    assert "result" in answer
    assert [each["level"] for each in logged(client)] and {each["data"]["requestId"] for each in logged(client)} == {"seventh"}
    assert client.request("tools/call", params | {"_meta": {key: "loud"}})["error"]["code"] == INVALID_PARAMS
    client.notifications.clear()
    client.request("tools/call", params)
    assert logged(client) == []


def test_the_log_level_outlives_the_supervisor(configured):
    client = speaking(configured, "2025-11-25")
    client.request("logging/setLevel", {"level": "info"})
    configured.kill_supervisor()
    client.value("dispatch_stream", {"agent": "notes", "task": stand_in.say("hello")})
    assert "hello" in [each["data"]["message"] for each in logged(client)]


def test_what_is_offered_is_declared(client):
    answer = client.request("server/discover") if client.stateless else None
    declared = answer["result"]["capabilities"] if answer else client.initialize(client.revision)["capabilities"]
    assert {"tools", "prompts", "resources", "logging"} <= declared.keys()
    assert ("completions" in declared) == (spoken(client) >= "2025-03-26")


# --- what a review found ---


def test_an_answer_that_is_too_long_when_it_is_indented_comes_all_the_same(configured):
    """280,000 numbers within 120 brackets: 560 KB that take 68 MB when each has a line of its own."""
    client = speaking(configured, NEWEST)
    other = client.start_call("dispatch", {"agent": "other", "task": stand_in.wait_for(configured.root / "door", "undisturbed")})
    value = "[" * 120 + ",".join(["1"] * 280_000) + "]" * 120
    call = {"agent": "notes", "task": stand_in.say(value), "response_format": "json"}
    answer = text_value(client.call("dispatch", call, seconds=60))
    assert answer["success"] and answer["result"] == value
    (configured.root / "door").touch()
    assert text_value(other.wait()["result"])["result"] == "undisturbed"


@slow_without_optimisation
def test_a_long_record_is_shown_without_harm_to_others(configured):
    client = speaking(configured, "2025-11-25")
    other = client.start_call("dispatch", {"agent": "other", "task": stand_in.wait_for(configured.root / "door", "undisturbed")})
    job = client.value("dispatch_async", {"agent": "notes", "task": stand_in.steps({"huge_result": 33 << 20})})["job_id"]
    configured.ended_job(job, seconds=60)
    for tool, arguments in (("dispatch_status", {"job_id": job}), ("fetch_result", {"ref": job})):
        record = client.value(tool, arguments, seconds=60)
        assert len((record if tool == "fetch_result" else record["result"])["result"]) == 33 << 20
    (content,) = client.request("resources/read", {"uri": f"job://{job}"}, seconds=60)["result"]["contents"]
    assert json.loads(content["text"])["id"] == job
    (configured.root / "door").touch()
    assert text_value(other.wait()["result"])["result"] == "undisturbed"
    client.is_judged = False  # a long answer is not given twice


def test_a_batch_is_answered_part_by_part(configured):
    client = speaking(configured, "2025-03-26")
    first, second = (client.start("ping", identity=name) for name in ("first", "second"))
    assert first.wait()["result"] == {} and second.wait()["result"] == {}
    client.send([{"jsonrpc": "2.0", "id": 71, "method": "ping"}, {"jsonrpc": "2.0", "method": "notifications/initialized"}, {"jsonrpc": "2.0", "id": 72, "method": "nonsense"}])
    wait_until(lambda: len(client.unmatched) == 2)
    assert {message["id"]: "result" in message for message in client.unmatched} == {71: True, 72: False}


def test_an_agent_with_an_odd_name_is_a_resource(home):
    home.write_config({"my agent/ü": {"description": "odd"}})
    client = speaking(home, NEWEST)
    (listed,) = client.request("resources/list")["result"]["resources"]
    assert listed["uri"] == "agent://my%20agent%2F%C3%BC"
    (content,) = client.request("resources/read", {"uri": listed["uri"]})["result"]["contents"]
    assert json.loads(content["text"])["name"] == "my agent/ü"


def test_half_a_character_within_the_items_breaks_nothing(client):
    items = '[{"agent": "notes", "task": "cut \\ud83d off"}]'
    value = client.value("dispatch_parallel", {"dispatches": items})
    assert value[0]["success"] and "cut \ufffd off" in value[0]["result"]


def test_members_of_other_programs_break_no_schema(configured):
    client = speaking(configured, NEWEST)
    list_tools(client)
    job = client.value("dispatch_async", {"agent": "notes", "task": stand_in.say("x")})["job_id"]
    configured.ended_job(job)
    record = configured.record(job)
    configured.record_file(job).write_text(json.dumps(record | {"hint": 5, "other": [1]}))
    assert client.call("dispatch_status", {"job_id": job})["structuredContent"]["hint"] == 5


def test_what_cannot_be_read_is_answered_without_an_id(client):
    """Revisions before 2025-11-25 have no valid form for it: there it is null, as JSON-RPC has it."""
    client.is_judged = False
    client.send_bytes(b"nonsense\n")
    wait_until(lambda: client.unmatched)
    assert client.unmatched[0]["error"]["code"] == -32700
    assert ("id" in client.unmatched[0]) == (client.stateless is None and client.revision < "2025-11-25")


def test_a_log_level_holds_for_what_is_under_way(configured):
    client, door = speaking(configured, "2025-11-25"), configured.root / "door"
    script = stand_in.steps({"wait_for": str(door)}, {"text": "heard"}, {"text": "last"})
    call = client.start_call("dispatch_stream", {"agent": "notes", "task": script})
    wait_until(configured.agents_running)
    client.request("logging/setLevel", {"level": "info"})
    door.touch()
    call.wait()
    assert "heard" in [each["data"]["message"] for each in logged(client)]


@slow_without_optimisation
def test_an_answer_that_cannot_be_said_is_an_error_and_harms_nobody(configured):
    """Quotes double each time that they are escaped: 20 MiB of them fit into no frame, however they are given."""
    client = speaking(configured, NEWEST)
    other = client.start_call("dispatch", {"agent": "other", "task": stand_in.wait_for(configured.root / "door", "undisturbed")})
    job = client.value("dispatch_async", {"agent": "notes", "task": stand_in.say("x")})["job_id"]
    record = configured.ended_job(job)
    record["result"]["result"] = '"' * (20 << 20)
    configured.record_file(job).write_text(json.dumps(record))
    error = client.start_call("dispatch_status", {"job_id": job}).wait(60)["error"]
    assert "bytes" in error["message"] and "max_chars" in error["message"]
    assert client.value("fetch_result", {"ref": job, "max_chars": 3})["result"] == '"""'
    (configured.root / "door").touch()
    assert text_value(other.wait()["result"])["result"] == "undisturbed"
