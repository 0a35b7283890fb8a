"""What comes from outside has an end: each limit says its figure, and nothing grows past it."""

import json
import resource
import socket
import uuid
from pathlib import Path

import pytest

import stand_in
from mcp_client import text_value
from processes import PATIENCE, wait_until

CONNECTIONS = 2_000
OPEN_CALLS = 2_000
PROMPT = 10 << 20


def memory(pid):
    """Resident, bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError(f"process {pid} has no memory")


class RawFrontend:
    """A frontend that speaks the socket's protocol and nothing more."""

    def __init__(self, home):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect(home.status()["socket"])
        self.unread = b""

    def hello(self, home):
        environment = [f"{name}={value}" for name, value in home.environment.items()]
        greeting = {
            "protocol": 1,
            "version": "0.1.0",
            "role": "cli",
            "frontend": str(uuid.uuid4()),
            "environment": environment,
            "directory": str(home.root),
        }
        self.send("hello", 0, greeting)
        return self.frame()

    def send(self, verb, number, payload):
        self.socket.sendall(f"{verb} {number} {json.dumps(payload)}\n".encode())

    def frame(self):
        while b"\n" not in self.unread:
            more = self.socket.recv(1 << 16)
            assert more, "the supervisor has closed the connection"
            self.unread += more
        line, _, self.unread = self.unread.partition(b"\n")
        verb, number, payload = line.split(b" ", 2)
        return verb.decode(), int(number), json.loads(payload)


def call(number, method, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


@pytest.fixture
def served(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    return home


def test_a_prompt_has_an_end(served):
    client = served.serve()
    answer = client.value("dispatch", {"agent": "notes", "task": "t", "context": "x" * PROMPT})
    assert f"{PROMPT + 1} bytes, and at most {PROMPT}" in answer["error"] and "Nothing was run" in answer["error"]
    answer = client.value(
        "dispatch_parallel",
        {"dispatches": json.dumps([{"agent": "notes", "task": "t"}, {"agent": "notes", "task": "x" * (PROMPT + 1)}])},
    )
    assert answer["error"].startswith("dispatches[1]: ") and str(PROMPT) in answer["error"]
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("y") + "x" * 100_000})["result"] == "y"


def test_a_session_id_has_an_end(served):
    client = served.serve()
    answer = client.value("dispatch_session", {"agent": "notes", "task": "t", "session_id": "s" * (14 << 20)})
    assert f"{14 << 20} bytes, and at most 200" in answer["error"] and "Nothing was run" in answer["error"]


@pytest.mark.parametrize("line", ["uri", "id"])
def test_an_error_about_a_long_line_harms_no_other_request(served, line):
    """What it repeats of the line is bounded: a longer one than a frame would be taken for the supervisor's death."""
    client = served.serve()
    client.is_judged = False
    gate = served.root / "gate"
    waiting = client.start_call("dispatch", {"agent": "notes", "task": stand_in.wait_for(gate, "done")})
    wait_until(served.agents_running)
    pid = served.status()["pid"]
    if line == "uri":
        answer = client.request("resources/read", {"uri": "x" * (34 << 20)}, seconds=60)
    else:
        client.send({"jsonrpc": "2.0", "id": "x" * ((64 << 20) - 200), "method": "no/such"})
        client.wait_change(lambda: client.unmatched, 60)
        answer = client.unmatched.pop()
    assert "error" in answer and len(json.dumps(answer)) < 20_000
    assert not waiting.answered() and served.status()["pid"] == pid
    gate.touch()
    assert text_value(waiting.wait()["result"])["result"] == "done"


def test_one_frontend_too_many_is_told_so(served):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CONNECTIONS + 500:
        pytest.skip(f"only {hard} descriptors may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + 500), hard))
    path = served.status()["socket"]
    held = []
    try:
        for _ in range(CONNECTIONS + 1):
            link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            link.settimeout(20)
            link.connect(path)
            held.append(link)
        refusal = held[-1].recv(4096).decode()
        assert refusal.startswith("refused 0 ") and str(CONNECTIONS) in refusal
        command = served.cli("status")
        assert command.code == 1 and str(CONNECTIONS) in command.err
    finally:
        for link in held:
            link.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: served.cli("status").code == 0, what="there is room again")


def test_too_many_open_requests_of_one_connection_are_refused(served):
    frontend = RawFrontend(served)
    assert frontend.hello(served)[0] == "welcome"
    job = served.job("notes", stand_in.hang())
    for number in range(1, OPEN_CALLS + 2):
        frontend.send("msg", number, call(number, "wait", id=job))
    while (frame := frontend.frame())[0] != "answer":
        pass
    verb, number, answer = frame
    assert number == OPEN_CALLS + 1
    assert f"{OPEN_CALLS} requests open, and at most {OPEN_CALLS}" in answer["error"]["message"]
    frontend.socket.close()
    assert served.cli("stop", "--now").code == 0


def test_who_does_not_read_cannot_ask_for_more(served):
    """Answers that nobody takes are bounded, and others are served meanwhile."""
    job = served.job("notes", stand_in.steps({"huge_result": 1 << 18}))
    served.ended_job(job)
    frontend = RawFrontend(served)
    assert frontend.hello(served)[0] == "welcome"
    pid = served.status()["pid"]
    before = memory(pid)
    frontend.socket.setblocking(False)
    sent, stuck, pending = 0, 0, b""
    while stuck < 50 and sent < 100_000:
        if not pending:
            sent += 1
            pending = f"msg {sent} {json.dumps(call(sent, 'job', id=job))}\n".encode()
        try:
            pending = pending[frontend.socket.send(pending) :]
            stuck = 0
        except BlockingIOError:
            stuck += 1
            assert served.status()["pid"] == pid
    assert stuck == 50, "the supervisor goes on reading"
    # What is written, what is being answered, and what making an answer of it takes; 2,000 of them would be half a GiB.
    # A sanitizer keeps what is freed.
    assert memory(pid) - before < (200 << 20) * PATIENCE
    frontend.socket.close()


def test_of_a_flood_of_events_the_last_are_told(served):
    """run_test.cpp says how many of them."""
    event = {"type": "assistant", "message": {"content": [{"type": "text", "text": "again"}]}}
    job = served.job("notes", stand_in.steps({"event": event, "times": 5_000}, {"text": "done"}))
    served.ended_job(job)
    record = served.record(job)
    assert record["status"] == "done" and record["result"]["result"] == "done"
    assert record["progress"][-1] == "done" and len(record["progress"]) == 20
