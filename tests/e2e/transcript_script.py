"""What the transcripts are made of: one list of exchanges for all revisions of MCP.

To add an exchange: put it into SCRIPT, say which revisions have it, run `pytest test_transcripts.py --write-transcripts` and read what
git shows. Requests have the exchange's name as their id, so that a new one changes nothing but itself.

What changes from run to run has a name in the transcripts, and the same name in messages here: `<home>` is the test's directory,
`<id from X>` the first id that the exchange X brought, `<id from X, 2>` the second."""

from dataclasses import dataclass
from typing import Callable

import stand_in
from mcp_client import CAPABILITIES_KEY, REVISION_KEY
from mcp_schemas import HANDSHAKE_REVISIONS as HANDSHAKE
from mcp_schemas import REVISIONS as ALL
from mcp_schemas import STATELESS_REVISIONS as STATELESS
from processes import wait_until

LOG_LEVEL_KEY = "io.modelcontextprotocol/logLevel"
NOBODY = "0" * 32  # the id of no job
TASKS = {CAPABILITIES_KEY: {"extensions": {"io.modelcontextprotocol/tasks": {}}}}
ASKS = {CAPABILITIES_KEY: {"elicitation": {"form": {}}}}


@dataclass
class Exchange:
    """What the client says, and what there is to wait for before the next exchange."""

    name: str
    says: list  # messages: a dict or a list is sent as JSON, a text as it is
    revisions: list = None  # None: all
    answers: int = None  # to wait for; None: one for each request
    until: str = ""  # what a line that is waited for has in it
    before: Callable = None  # before(home, ids): what has to be done first. ids: by their names
    after: Callable = None  # the same, when all that is waited for is there
    is_valid: bool = True  # what the server says, by the official schema


def request(name, method, params=None, **more):
    """An exchange of one request and its answer."""
    message = {"jsonrpc": "2.0", "id": name, "method": method}
    return Exchange(name, [message if params is None else message | {"params": params}], **more)


def call(name, tool, arguments=None, meta=None, **more):
    """An exchange of one call of a tool."""
    params = {"name": tool} | ({} if arguments is None else {"arguments": arguments}) | ({} if meta is None else {"_meta": meta})
    return request(name, "tools/call", params, **more)


def notify(name, method, params=None, **more):
    message = {"jsonrpc": "2.0", "method": method}
    return Exchange(name, [message if params is None else message | {"params": params}], **more)


def in_revision(message, revision):
    """A message as this revision has it: the stateless ones say with each request what a handshake said once."""
    if revision not in STATELESS or not isinstance(message, dict) or not {"id", "method"} <= message.keys():
        return message
    params = message.get("params", {})
    if not isinstance(params, dict):
        return message
    own = params.get("_meta", {})
    meta = {REVISION_KEY: revision, CAPABILITIES_KEY: {}} | own
    return message | {"params": params | {"_meta": {key: value for key, value in meta.items() if value is not None}}}


def configure(home):
    """The fixed configuration that all transcripts are made with."""
    (home.agent_directory("notes") / "CLAUDE.md").write_text("# Notes\nAll that was ever noted.\n")
    home.write_config(
        {
            "notes": {"description": "keeper of notes", "capabilities": ["read"]},
            "other": {"allowed_tools": [], "timeout": 60, "max_parallel": 2},
            "risky": {"risky_capabilities": ["deletes"]},
        },
        settings={"confirm_risky": True},
        groups={"team": {"description": "both", "shared_context": "blue", "members": [{"agent": "notes", "use_for": "notes"}, {"agent": "other"}]}},
    )


def say(text):
    return {"agent": "notes", "task": stand_in.say(text)}


THREE_EVENTS = {"agent": "notes", "task": stand_in.steps({"text": "one"}, {"tool": "Read"}, {"text": "two"})}
SLOW = {"agent": "notes", "task": stand_in.steps({"text": "half way"}, {"wait_for": "<home>/gate"}, {"text": "there"})}
JOB = "<id from dispatch_async>"
FIRST = "<id from first job>"
TASK = "<id from dispatch task>"
REF = "<id from dispatch return_ref>"
PROMPT = {"type": "ref/prompt", "name": "delegate"}


def initialize(revision):
    params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "transcript", "version": "0"}}
    return request(f"initialize {revision}", "initialize", params, revisions=[revision])


def until_running(job):
    return lambda home, ids: home.wait_for_status(ids[job], "running")


def touch(name):
    return lambda home, ids: (home.root / name).touch()


SCRIPT = [
    # --- hello ---
    *(initialize(revision) for revision in HANDSHAKE),
    notify("initialized", "notifications/initialized", revisions=HANDSHAKE),
    request("server/discover", "server/discover", revisions=STATELESS),
    request("a probe for the other era", "server/discover", revisions=HANDSHAKE, is_valid=False),
    request("ping", "ping"),
    Exchange("a number as id", [{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "list_agents"}}]),
    request("tools/list", "tools/list"),
    # --- tools ---
    call("inspect_agent", "inspect_agent", {"name": "notes"}),
    call("list_groups", "list_groups"),
    call("inspect_group", "inspect_group", {"name": "team"}),
    call("dispatch", "dispatch", say("hello ü")),
    call("dispatch cached", "dispatch", say("hello ü")),
    call("dispatch progress", "dispatch", THREE_EVENTS, {"progressToken": "token"}),
    call("dispatch_stream progress", "dispatch_stream", THREE_EVENTS, {"progressToken": 5}),
    call("dispatch return_ref", "dispatch", say("kept for later") | {"return_ref": True, "summary_chars": 4}),
    call("fetch_result ref", "fetch_result", {"ref": REF}),
    call("dispatch failed", "dispatch", {"agent": "notes", "task": stand_in.steps({"text": "so far"}, {"stderr": "out of ink\n"}, {"exit": 3})}),
    call("dispatch denied", "dispatch", {"agent": "notes", "task": stand_in.steps({"deny": "Bash"}, {"text": "I may not."})}),
    call("dispatch json", "dispatch", say('{"a": [1, 2]}') | {"response_format": "json"}),
    call("dispatch unknown agent", "dispatch", {"agent": "nobody", "task": "x"}),
    call("dispatch without task", "dispatch", {"agent": "notes"}),
    call("dispatch unknown argument", "dispatch", say("x") | {"speed": 9}),
    # --- log messages ---
    request("logging/setLevel", "logging/setLevel", {"level": "info"}),
    call("logged", "dispatch_stream", THREE_EVENTS, revisions=HANDSHAKE),
    # A call that takes its time keeps none waiting.
    *(
        call("slow", "dispatch_stream", SLOW, meta, answers=0, until='"message":"half way"', revisions=revisions)
        for revisions, meta in ((HANDSHAKE, None), (STATELESS, {LOG_LEVEL_KEY: "info"}))
    ),
    call("inspect_agent meanwhile", "inspect_agent", {"name": "other"}),
    Exchange("the end of slow", [], answers=1, before=lambda home, ids: (home.root / "gate").touch()),
    request("logging/setLevel again", "logging/setLevel", {"level": "emergency"}, revisions=HANDSHAKE),
    request("logging/setLevel wrong", "logging/setLevel", {"level": "loud"}, revisions=HANDSHAKE),
    call("logged", "dispatch_stream", THREE_EVENTS, {LOG_LEVEL_KEY: "info"}, revisions=STATELESS),
    call("log level wrong", "dispatch_stream", THREE_EVENTS, {LOG_LEVEL_KEY: "loud"}, revisions=STATELESS),
    # --- jobs ---
    call(
        "dispatch_async",
        "dispatch_async",
        {"agent": "notes", "task": stand_in.wait_for("<home>/door", "done")},
        after=until_running(JOB),
    ),
    call("dispatch_status", "dispatch_status", {"job_id": JOB}),
    call("dispatch_wait", "dispatch_wait", {"job_id": JOB}, before=lambda home, ids: (home.root / "door").touch()),
    call("dispatch_status done", "dispatch_status", {"job_id": JOB}),
    call("dispatch_jobs", "dispatch_jobs"),
    call("fetch_result", "fetch_result", {"ref": JOB}),
    call("fetch_result cut", "fetch_result", {"ref": JOB, "max_chars": 2}),
    call("fetch_result not found", "fetch_result", {"ref": NOBODY}),
    call("dispatch_cancel", "dispatch_cancel", {"job_id": JOB}),
    # --- prompts, resources, completion ---
    request("prompts/list", "prompts/list"),
    request("prompts/get", "prompts/get", {"name": "delegate", "arguments": {"task": "count", "agent": "notes"}}),
    request("prompts/get not found", "prompts/get", {"name": "nonsense"}),
    request("prompts/get without task", "prompts/get", {"name": "delegate"}),
    request("resources/list", "resources/list"),
    request("resources/templates/list", "resources/templates/list"),
    request("resources/read agent", "resources/read", {"uri": "agent://notes"}),
    request("resources/read job", "resources/read", {"uri": "job://" + JOB}),
    request("resources/read no agent", "resources/read", {"uri": "agent://nobody"}),
    request("resources/read no job", "resources/read", {"uri": "job://" + NOBODY}),
    request("resources/read nothing of ours", "resources/read", {"uri": "file:///etc/passwd"}),
    request("resources/read without uri", "resources/read", {}),
    request("completion agent", "completion/complete", {"ref": PROMPT, "argument": {"name": "agent", "value": "no"}}),
    request("completion text", "completion/complete", {"ref": PROMPT, "argument": {"name": "task", "value": "no"}}),
    request(
        "completion job",
        "completion/complete",
        {"ref": {"type": "ref/resource", "uri": "job://{job_id}"}, "argument": {"name": "job_id", "value": ""}},
    ),
    request(
        "completion of nothing", "completion/complete", {"ref": PROMPT | {"name": "nonsense"}, "argument": {"name": "agent", "value": ""}}
    ),
    request("completion without argument", "completion/complete", {"ref": PROMPT}),
    # --- subscriptions ---
    *(
        call(
            f"{name} job",
            "dispatch_async",
            {"agent": "other", "task": stand_in.wait_for(f"<home>/{name}", "done")},
            after=until_running(f"<id from {name} job>"),
        )
        for name in ("first", "second")
    ),
    request("resources/subscribe", "resources/subscribe", {"uri": "job://" + FIRST}, revisions=HANDSHAKE),
    request("resources/subscribe agent", "resources/subscribe", {"uri": "agent://notes"}, revisions=HANDSHAKE),
    request("resources/subscribe no job", "resources/subscribe", {"uri": "job://" + NOBODY}, revisions=HANDSHAKE),
    request("resources/unsubscribe", "resources/unsubscribe", {"uri": "job://" + FIRST}, revisions=HANDSHAKE),
    request(
        "subscriptions/listen",
        "subscriptions/listen",
        {"notifications": {"resourceSubscriptions": ["job://" + JOB, "job://" + NOBODY], "toolsListChanged": True}},
        revisions=STATELESS,
        answers=0,
        until="notifications/subscriptions/acknowledged",
    ),
    notify("the end of subscriptions/listen", "notifications/cancelled", {"requestId": "subscriptions/listen"}, revisions=STATELESS),
    request("subscriptions/listen wrong", "subscriptions/listen", {"notifications": 7}),
    request("subscriptions/listen tasks unknown", "subscriptions/listen", {"notifications": {"taskIds": [JOB]}}, revisions=STATELESS),
    *(
        call(f"{name} job done", "dispatch_wait", {"job_id": f"<id from {name} job>"}, before=touch(name))
        for name in ("first", "second")
    ),
    # --- tasks ---
    call("dispatch task", "dispatch", {"agent": "notes", "task": stand_in.wait_for("<home>/third", "done")}, TASKS, revisions=STATELESS),
    call("dispatch task done", "dispatch_wait", {"job_id": TASK}, revisions=STATELESS, before=touch("third")),
    request("tasks/get", "tasks/get", {"taskId": TASK, "_meta": TASKS}, revisions=STATELESS),
    request("tasks/cancel", "tasks/cancel", {"taskId": TASK, "_meta": TASKS}, revisions=STATELESS),
    request("tasks/update", "tasks/update", {"taskId": TASK, "inputResponses": {}, "_meta": TASKS}, revisions=STATELESS),
    request("tasks/get not found", "tasks/get", {"taskId": NOBODY, "_meta": TASKS}, revisions=STATELESS),
    request("tasks/get undeclared", "tasks/get", {"taskId": TASK}),
    request(
        "listen to a task that has ended",
        "subscriptions/listen",
        {"notifications": {"taskIds": [TASK]}, "_meta": TASKS},
        revisions=STATELESS,
        answers=0,
        until="notifications/tasks",
    ),
    # --- a question before a risky agent ---
    call("dispatch risky", "dispatch", {"agent": "risky", "task": stand_in.say("done")}),
    call("dispatch risky asked", "dispatch", {"agent": "risky", "task": stand_in.say("asked")}, ASKS, revisions=STATELESS),
    request(
        "dispatch risky declined",
        "tools/call",
        {
            "name": "dispatch",
            "arguments": {"agent": "risky", "task": stand_in.say("asked")},
            "inputResponses": {"confirm": {"action": "decline"}},
            "_meta": ASKS,
        },
        revisions=STATELESS,
    ),
    # --- cancellation: the next call of the agent has its place, and there is no answer ---
    call(
        "cancelled",
        "dispatch",
        {"agent": "notes", "task": stand_in.steps({"touch": "<home>/mark"}, {"hang": True})},
        answers=0,
        after=lambda home, ids: wait_until((home.root / "mark").exists),
    ),
    notify("the cancel", "notifications/cancelled", {"requestId": "cancelled", "reason": "changed my mind"}),
    call("after the cancel", "dispatch", say("free again")),
    notify("a cancel of nothing", "notifications/cancelled", {"requestId": "never heard of"}),
    # --- what is wrong ---
    call("unknown tool", "teleport", {}),
    request("unknown method", "agents/teleport"),
    notify("unknown notification", "notifications/teleported"),
    request("call without name", "tools/call", {"arguments": {}}),
    request("call with wrong arguments", "tools/call", {"name": "dispatch", "arguments": "x"}),
    request("parameters that are no object", "tools/call", ["dispatch"], revisions=HANDSHAKE),
    Exchange("bad JSON", ["{this is no JSON}"], answers=1, is_valid=False),
    Exchange("no request", ['{"jsonrpc":"2.0","id":"no request","method":7}'], answers=1),
    request("unsupported revision", "tools/list", {"_meta": {REVISION_KEY: "2027-01-01", CAPABILITIES_KEY: {}}}),
    request("missing capabilities", "tools/list", {"_meta": {REVISION_KEY: "2026-07-28", CAPABILITIES_KEY: None}}, revisions=STATELESS),
    Exchange(
        "batch",
        [
            [
                {"jsonrpc": "2.0", "id": "batch, 1", "method": "ping"},
                {"jsonrpc": "2.0", "method": "notifications/initialized"},
                {"jsonrpc": "2.0", "id": "batch, 2", "method": "nonsense"},
            ]
        ],
        ["2025-03-26"],
        answers=2,
    ),
    # Nothing of what was sent above is answered late.
    call("the last call", "list_agents"),
]


def script_of(revision):
    assert revision in ALL
    return [each for each in SCRIPT if each.revisions is None or revision in each.revisions]
