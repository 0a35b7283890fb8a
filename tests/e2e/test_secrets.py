"""What is nobody's business: environments and prompts, where they must not be; descriptors; memory images."""

import json
import os
import resource
import signal
from pathlib import Path

import pytest

import stand_in
from processes import PATIENCE, command_line, descendants, descriptors, environment, kill, program, wait_until

NAME, VALUE = "TOKEN_NAME_THAT_IS_SECRET", "token-value-that-is-secret"
PROMPT = "prompt-that-is-secret"


def files_with(home, words, but=()):
    """Files below a home in which these are, in name or content."""
    needle = words.encode()
    paths = [Path(folder) / name for folder, folders, files in os.walk(home.root) for name in folders + files]
    return [str(path) for path in paths if path not in but and (needle in os.fsencode(path) or needle in content(path))]


def content(path):
    """Of a file that is there still."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def look_around(home):
    """No process of ours but the agents has the secret, none has the prompt on its command line."""
    for pid in descendants():
        words = " ".join(command_line(pid))
        assert PROMPT not in words and VALUE not in words and NAME not in words, words
        if program(pid) in ("agent-dispatchd", "agent-dispatch-run"):
            assert set(environment(pid)) <= {"PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"}
    assert not files_with(home, NAME) and not files_with(home, VALUE), "an environment is in no file"
    assert PROMPT not in home.logs()


def asked(*steps):
    return PROMPT + " " + stand_in.steps(*steps)


def test_environments_and_prompts_are_nowhere_but_with_the_agents(home):
    """Through every kind of work, a planned stop, a crash and two recoveries."""
    home.write_config(
        {"notes": {}, "other": {}, "slow": {"timeout": 1}},
        settings={"max_concurrency": 2, "cache": {"enabled": False}},
    )
    secret = home.env(**{NAME: VALUE, "AGENT_DISPATCH_" + NAME: VALUE, "AGENT_DISPATCH_DEPTH": "0" + VALUE})
    client = home.serve(env=secret)

    def call(tool, **arguments):
        return client.value(tool, arguments, seconds=60)

    assert call("dispatch", agent="notes", task=asked({"text": "x"}), context=PROMPT, goal=PROMPT, caller=PROMPT)["success"]
    assert call("dispatch", agent="notes", task=asked({"stderr": "it failed"}, {"exit": 3}))["success"] is False
    assert call("dispatch", agent="slow", task=asked({"hang": True}))["error_type"] == "timeout"
    ref = call("dispatch", agent="notes", task=asked({"text": "x"}), return_ref=True)["ref"]
    assert call("fetch_result", ref=ref)["success"]
    items = json.dumps([{"agent": name, "task": asked({"text": "x"})} for name in ("notes", "other")])
    assert [item["success"] for item in call("dispatch_parallel", dispatches=items)] == [True, True]
    talk = call("dispatch_dialogue", requester="notes", responder="other", topic=PROMPT, max_rounds=1)
    assert talk["conversation"]
    look_around(home)

    door = home.root / "door"
    running = [
        call("dispatch_async", agent=name, task=asked({"wait_for": str(door)}, {"text": "x"}))["job_id"] for name in ("notes", "other")
    ]
    for ident in running:
        home.wait_for_status(ident, "running")
    queued = call("dispatch_async", agent="notes", task=asked({"text": "x"}))["job_id"]
    wait_until(lambda: home.status()["queued"] == 1)
    assert len([pid for pid in home.agents_running() if environment(pid).get(NAME) == VALUE]) == 2, "they are where they belong"
    look_around(home)

    client.close()
    assert home.cli("stop", "--keep-runs").code == 0
    wait_until(home.holders)
    look_around(home)
    waiting = home.start("wait", queued)
    wait_until(lambda: home.supervisors() and not home.holders(), 20, "the next supervisor has taken the environment over")
    waiting.kill()
    home.finish(waiting)
    look_around(home)
    home.kill_supervisor()
    look_around(home)
    door.touch()
    for ident in running:
        assert home.cli("wait", ident).code == 0 and home.record(ident)["status"] == "done"
    assert home.cli("wait", queued).code == 1 and "Nothing was started" in home.record(queued)["error"]
    look_around(home)
    records = {home.record_file(ident) for ident in [*running, queued, ref]}
    wait_until(lambda: not home.request_files() and not home.run_directories())
    assert not files_with(home, PROMPT, records), "a prompt stays in the records of jobs alone"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in records)


# --- descriptors ---


def test_an_agent_has_three_descriptors_and_its_keeper_what_it_needs(home):
    home.write_config({"notes": {}})
    record, door = home.root / "record.json", home.root / "door"
    job = home.job("notes", stand_in.steps({"record": str(record)}, {"wait_for": str(door)}, {"text": "x"}))
    wait_until(record.exists)
    (keeper,) = home.keepers()
    held = wait_until(lambda: descriptors(keeper))
    assert not [what for what in held if what.startswith("socket:") or ".supervisor" in what or "supervisor.log" in what], held
    assert len(held) <= 14, held
    door.touch()
    home.ended_job(job)
    assert sorted(json.loads(record.read_text())["descriptors"]) == ["0", "1", "2"]


def odd_descriptors(place):
    """To be called in the child: 3 to 20 are open, half of them for whatever it executes; stdin is not."""

    def prepare():
        file = os.open(place, os.O_RDONLY)
        for number in range(3, 21):
            if number != file:
                os.dup2(file, number, inheritable=number % 2 == 0)
        os.set_inheritable(file, True)
        os.close(0)

    return prepare


@pytest.mark.parametrize("words", [["dispatch"], ["dispatch", "--embedded"]], ids=["detached", "embedded"])
def test_what_a_frontend_has_open_goes_to_nobody(home, words):
    home.write_config({"notes": {}})
    mine, record, door = home.root / "mine", home.root / "record.json", home.root / "door"
    mine.write_text("")
    task = stand_in.steps({"record": str(record)}, {"wait_for": str(door)}, {"text": "x"})
    process = home.start(*words, "notes", task, "--json", close_fds=False, preexec_fn=odd_descriptors(mine))
    wait_until(record.exists)
    for pid in [*home.supervisors(), *home.keepers(), *home.agents_running()]:
        assert str(mine) not in descriptors(pid), program(pid)
    assert sorted(json.loads(record.read_text())["descriptors"]) == ["0", "1", "2"]
    door.touch()
    assert home.finish(process).json()["result"] == "x"


NEEDS_FOUR = pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer takes descriptors itself to look at objects")


@pytest.mark.parametrize("limit", [pytest.param(4, marks=NEEDS_FOUR), 8, 16, 64])
def test_too_few_descriptors_are_said_or_suffice(home, limit):
    """Never a crash, never a wait without end. A supervisor that came up all the same serves others."""
    home.write_config({"notes": {}})

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    answer = home.cli("dispatch", "notes", stand_in.say("x"), "--json", preexec_fn=few)
    if limit >= 64:
        assert answer.code == 0 and answer.json()["result"] == "x", answer
    else:
        said = answer.json()["error"]
        assert answer.code == 1 and ("ulimit -Hn" in said or "Too many open files" in said), answer
    home.cli("stop", "--now")
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"


# --- memory images ---


def with_cores():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer handles these signals itself")
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT], ids=["SIGSEGV", "SIGABRT"])
def test_a_crash_leaves_no_image_of_the_memory(home, number):
    home.write_config({"notes": {}, "other": {}})
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("core files are forbidden here anyway")
    client = home.serve(preexec_fn=with_cores)
    client.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
    wait_until(home.agents_running)
    (keeper,), (supervisor,) = home.keepers(), home.supervisors()
    for pid, room in ((keeper, "0"), (supervisor, "0"), (client.process.pid, "1")):
        soft = next(line.split()[4] for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith("Max core"))
        assert soft == room, program(pid)
    kill(supervisor, number)
    reaped = wait_until(lambda: (found := os.waitpid(supervisor, os.WNOHANG))[0] and found)
    assert os.WTERMSIG(reaped[1]) == number and not os.WCOREDUMP(reaped[1])
    kill(client.process.pid, number)
    status = client.process.wait(10)
    assert status == -number
    assert not list(home.root.rglob("core*")) and not list(Path("/").glob("core*"))
    assert home.dispatch("other", stand_in.say("x"))["result"] == "x"
