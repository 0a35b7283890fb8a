"""What a caller says, in variables, ids and keys, leads a supervisor to no file but its own."""

import json
import socket

import pytest

import stand_in
from processes import wait_until
from strangers import look

UUID = "00000000-0000-4000-8000-00000000000a"
OUTSIDE = [
    "../outside",
    "../../outside.json",
    "/etc/passwd",
    "..",
    ".",
    "a/../../outside",
    "%2e%2e%2foutside",
    "0" * 31 + "\n",
    "0" * 31 + "/",
    "x" * 100_000,
    "\N{FULLWIDTH FULL STOP}" * 2,
    "two\nlines",
]


@pytest.fixture
def guarded(home):
    """A home with a supervisor, and records outside its places, which lead to nothing: `look(home.root / "config" / …)`."""
    home.write_config({"notes": {}})
    ident = home.job("notes", stand_in.say("x"))
    home.ended_job(ident)
    record = home.record(ident)
    outside = home.root / "outside"
    outside.mkdir()
    for place in (home.config_dir, outside, home.root):
        (place / "outside.json").write_text(json.dumps(record))
    (home.config_dir / "outside").write_text("outside")
    return home


def outside_of(home):
    return [look(place) for place in (home.config_dir / "outside.json", home.config_dir / "outside", home.root / "outside")]


class Link:
    """A frontend that says what a test wants it to."""

    def __init__(self, home, role="cli", frontend=UUID, run=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(home.status()["socket"])
        self.stream = self.socket.makefile("rwb")
        hello = {"protocol": 1, "version": "0", "role": role, "frontend": frontend, "directory": "/", "environment": []}
        self.send("hello", 0, hello | ({} if run is None else {"run": run}))
        self.greeting = self.receive()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def send(self, verb, number, payload):
        self.stream.write(f"{verb} {number} {payload if isinstance(payload, str) else json.dumps(payload)}\n".encode())
        self.stream.flush()

    def receive(self):
        return self.stream.readline().decode()

    def ask(self, number, method, params):
        """The answer to one request: its JSON."""
        self.send("msg", number, {"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        while True:
            verb, said, payload = self.receive().split(" ", 2)
            if verb == "answer" and int(said) == number:
                self.send("ack", number, "")
                return json.loads(payload)


@pytest.mark.parametrize("method", ["job", "cancel_job", "wait", "follow", "retry"])
def test_no_verb_of_the_socket_takes_a_path_for_a_job(guarded, method):
    home, before = guarded, outside_of(guarded)
    with Link(home) as link:
        for number, ident in enumerate(OUTSIDE, 1):
            answer = link.ask(number, method, {"id": ident, "timeout_seconds": 1})
            assert "error" in answer or "error" in answer["result"], (ident, answer)
            assert "'" in json.dumps(answer), answer
    assert outside_of(home) == before and list(home.jobs.glob("*.json"))


def test_no_tool_takes_a_path_for_a_job_a_ref_a_task_or_a_resource(guarded):
    home, before = guarded, outside_of(guarded)
    client = home.serve()
    for ident in OUTSIDE:
        for tool, arguments in (
            ("dispatch_status", {"job_id": ident}),
            ("dispatch_wait", {"job_id": ident, "timeout_seconds": 1}),
            ("dispatch_cancel", {"job_id": ident}),
            ("fetch_result", {"ref": ident}),
            ("inspect_agent", {"name": ident}),
            ("inspect_group", {"name": ident}),
            ("remove_agent", {"name": ident}),
            ("dispatch", {"agent": ident, "task": "x"}),
            ("dispatch", {"agent": "notes", "task": "x", "group": ident}),
            ("add_agent", {"name": ident, "directory": str(home.agent_directory("notes"))}),
        ):
            assert "error" in client.value(tool, arguments), (tool, ident)
        for method, params in (
            ("resources/read", {"uri": f"job://{ident}"}),
            ("resources/read", {"uri": f"agent://{ident}"}),
            ("resources/subscribe", {"uri": f"job://{ident}"}),
            ("tasks/get", {"taskId": ident}),
            ("tasks/cancel", {"taskId": ident}),
        ):
            assert "error" in client.request(method, params), (method, ident)
    assert outside_of(home) == before


@pytest.mark.parametrize("frontend", ["../../outside", "/etc/passwd", UUID + "/..", UUID[:-1] + "\n", "", "x" * 4000])
def test_a_frontend_is_named_by_a_uuid_and_nothing_else(guarded, frontend):
    home, before = guarded, outside_of(guarded)
    with Link(home, frontend=frontend) as link:
        assert link.greeting.startswith("refused 0 ") and "frontend" in link.greeting
    assert outside_of(home) == before and not home.request_files()


@pytest.mark.parametrize("run", ["../../outside", "/etc/passwd", "..", "two\nlines", "x" * 300, ""])
def test_a_run_is_no_path(guarded, run):
    """What claims to be inside such a run is inside none."""
    home, before = guarded, outside_of(guarded)
    with Link(home, run=run) as link:
        assert link.greeting.startswith("welcome 0 ")
        assert "result" in link.ask(1, "jobs", {"status": "", "limit": 5})
    record = home.root / "record.json"
    task = stand_in.steps({"record": str(record)}, {"text": "x"})
    assert home.dispatch("notes", task, env=home.env(AGENT_DISPATCH_RUN=run))["result"] == "x"
    given = dict(entry.split("=", 1) for entry in json.loads(record.read_text())["environment"])
    assert given["AGENT_DISPATCH_RUN"] != run and "/" not in given["AGENT_DISPATCH_RUN"]
    assert outside_of(home) == before


def test_a_run_that_is_not_there_is_nobodys_parent(guarded):
    home = guarded
    env = home.env(AGENT_DISPATCH_RUN=f"{UUID}.1.0")
    assert home.dispatch("notes", stand_in.say("x"), env=env)["result"] == "x"


def places_of(home):
    """What a supervisor that is there has, but for what comes and goes with its frontends."""
    status = home.status()
    return {name: status[name] for name in ("pid", "socket", "log")}


@pytest.mark.parametrize("value", ["garbage", "elsewhere/../../x", "two\nlines", "x" * 5000, "~nobody-of-that-name/x", "\udcff\udcfe", ""])
@pytest.mark.parametrize("name", ["AGENT_DISPATCH_CONFIG", "AGENT_DISPATCH_JOBS_DIR"])
def test_paths_in_a_callers_variables_do_not_move_a_supervisor_that_is_there(home, name, value):
    """They may name another one, which has places of its own."""
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    wait_until(lambda: not home.request_files())
    before = places_of(home)
    records, config = sorted(home.jobs.iterdir()), home.config.read_bytes()
    deep = home.root / "deep" / "below"
    deep.mkdir(parents=True)
    env = home.env(**{name: value})
    answer = home.cli("dispatch", "notes", stand_in.say("x"), "--json", env=env, cwd=deep)
    assert answer.code in (0, 1), answer
    if answer.code:
        assert answer.err.strip() or answer.json()["error"], answer
    home.cli("stop", "--now", env=env, cwd=deep)
    if value:
        assert places_of(home) == before
    assert sorted(home.jobs.iterdir()) == records and home.config.read_bytes() == config
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"


@pytest.mark.parametrize("value", ["../../..", "-1", "1e9", "0x10", "two\nlines", "9" * 5000, "\udcff"])
@pytest.mark.parametrize("name", ["AGENT_DISPATCH_DEPTH", "AGENT_DISPATCH_RUN", "AGENT_DISPATCH_EMBEDDED", "AGENT_DISPATCH_DEATH_POINT", "AGENT_DISPATCH_ANYTHING"])
def test_other_variables_of_a_caller_are_a_number_a_key_or_nothing(guarded, name, value):
    home, before = guarded, outside_of(guarded)
    places = places_of(home)
    answer = home.cli("dispatch", "notes", stand_in.say("x"), "--json", env=home.env(**{name: value}))
    result = answer.json()
    assert result.get("result") == "x" or (name == "AGENT_DISPATCH_DEPTH" and result["error_type"] == "recursion"), answer
    assert places_of(home) == places and outside_of(home) == before
