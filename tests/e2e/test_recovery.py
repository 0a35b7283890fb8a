"""Whatever is killed, in whatever state of a request: one answer, one execution, and nothing left."""

import json
import os
import random
import shutil
import signal
import threading

import pytest

import stand_in
from mcp_client import text_value
from processes import PATIENCE, alive, descriptors, kill, state, wait_until

MCP, JOB, COMMAND = KINDS = ["dispatch over MCP", "job over MCP", "dispatch command"]
QUEUED, SILENT, TALKING, ENDED, CANCELLED, TIMED_OUT = STATES = [
    "queued", "running silently", "running with output", "just ended", "ending by cancel", "ending by deadline",
]  # fmt: skip
SUPERVISOR, KEEPER, FRONTEND, CLI, BOTH, ALL_BUT_RUN, TWICE, STARTING = VICTIMS = [
    "supervisor", "keeper", "frontend", "CLI", "supervisor and keeper", "supervisor and frontend", "supervisor twice",
    "supervisor, and the next as it starts",
]  # fmt: skip
KILLS_SUPERVISOR = {SUPERVISOR, BOTH, ALL_BUT_RUN, TWICE, STARTING}
KILLS_RUN = {KEEPER, CLI, BOTH}
KILLS_FRONTEND = {FRONTEND, ALL_BUT_RUN}

# With sanitizers each of them takes many times as long.
STORM_JOBS = int(os.environ.get("AGENT_DISPATCH_TEST_STORM", "1000" if PATIENCE == 1 else "200"))
TERMINAL = ("done", "failed", "cancelled")


def is_possible(state_, victim):
    """A run that has ended has neither keeper nor CLI."""
    return not (state_ == ENDED and victim in KILLS_RUN)


def is_settled(home):
    status = home.status()
    return (
        status["running"] and status["live_runs"] == 0 and status["queued"] == 0 and status["slots"]["used"] == 0
        and not home.run_directories() and not home.request_files() and not home.trash()
    )  # fmt: skip


def what_is_left(home):
    return home.status(), home.run_directories(), home.request_files(), home.trash()


def only(values):
    (value,) = values
    return value


class Scene:
    """One request in one state; what happens to it, and what its caller hears."""

    def __init__(self, home, kind, state_):
        self.home, self.kind, self.state = home, kind, state_
        self.door, self.ran, self.dying = home.root / "door", home.root / "ran", home.root / "dying"
        self.client = self.pending = self.process = self.job = self.blocker = None
        home.write_config(
            {"notes": {"timeout": 2} if state_ == TIMED_OUT else {}, "other": {}}, settings={"max_concurrency": 2}
        )
        if kind != COMMAND:
            self.client = home.serve()
            self.client.value("dispatch", {"agent": "other", "task": stand_in.say("warm")})
        else:
            home.dispatch("other", stand_in.say("warm"))
        wait_until(lambda: is_settled(home))
        self.descriptors_before = len(descriptors(home.status()["pid"]))

    # --- into the state ---

    def task(self):
        if self.state in (CANCELLED, TIMED_OUT):
            # The first signal that ends a run wakes it from its stop, which is seen; it is deaf to that one, not to the next.
            return stand_in.steps(
                stand_in.count(self.ran), {"text": "partial"}, {"ignore": ["SIGINT"]}, {"stop": True},
                stand_in.touches(self.dying), {"hang": True},
            )  # fmt: skip
        early = [{"text": "partial"}] if self.state == TALKING else []
        return stand_in.steps(stand_in.count(self.ran), *early, {"wait_for": str(self.door)}, {"text": "answer"})

    def ask(self):
        call = {"agent": "notes", "task": self.task()}
        if self.kind == MCP:
            self.pending = self.client.start_call("dispatch", call)
        elif self.kind == JOB:
            self.job = self.client.value("dispatch_async", call)["job_id"]
            self.pending = self.client.start_call("dispatch_wait", {"job_id": self.job, "timeout_seconds": 120})
        else:
            self.process = self.home.start("dispatch", "notes", call["task"], "--json")

    def begin(self):
        if self.state == QUEUED:
            script = stand_in.wait_for(self.door, "blocked")
            self.blocker = self.home.start("dispatch", "notes", script, "--json")
            wait_until(self.home.agents_running)
            self.ask()
            wait_until(lambda: self.home.status()["queued"] == 1)
            return
        self.ask()
        wait_until(lambda: stand_in.executions(self.ran) == 1)
        further = {
            TALKING: self.begin_talking, ENDED: self.begin_ended, CANCELLED: self.begin_cancelled,
            TIMED_OUT: self.begin_timed_out,
        }  # fmt: skip
        if self.state in further:
            further[self.state]()

    def begin_talking(self):
        wait_until(lambda: b"partial" in (only(self.home.run_directories()) / "stdout").read_bytes())

    def begin_ended(self):
        """The supervisor is stopped: it has not seen the end."""
        kill(self.home.status()["pid"], signal.SIGSTOP)
        self.door.touch()
        wait_until(lambda: not self.home.keepers())
        assert (only(self.home.run_directories()) / "exit.json").exists()

    def begin_cancelled(self):
        wait_until(lambda: state(only(self.home.agents_running())) == "T")
        if self.kind == MCP:
            self.client.cancel(self.pending)
        elif self.kind == COMMAND:
            self.process.send_signal(signal.SIGINT)
        else:
            assert self.home.cli("cancel", self.job, "--json").json()["outcome"] == "cancelled_running"
        self.begin_timed_out()

    def begin_timed_out(self):
        wait_until(self.dying.exists, 20, "the run is being ended")

    # --- the blow ---

    def kill_supervisor(self):
        # Asked for by no command: a stopped one does not answer.
        # One that starts may be two processes: the one that detaches the other.
        for pid in self.home.supervisors():
            kill(pid)
            wait_until(lambda gone=pid: not alive(gone))

    def kill_frontend(self):
        process = self.client.process if self.client else self.process
        process.kill()
        process.wait()

    def strike(self, victim):
        # Chosen before anything is dead.
        keeper, cli = self.home.keepers(), self.home.agents_running()
        stopped = self.state == ENDED and only(self.home.supervisors())
        if victim in KILLS_SUPERVISOR:
            self.kill_supervisor()
        if victim in (KEEPER, BOTH):
            kill(only(keeper))
        if victim == CLI:
            kill(only(cli))
        if victim in KILLS_FRONTEND:
            self.kill_frontend()
        if victim == TWICE:
            wait_until(lambda: self.home.status()["running"], 20, "the next supervisor")
            self.kill_supervisor()
        if victim == STARTING:
            # As soon as there is one: it does not serve yet, or takes over.
            wait_until(self.home.supervisors, 20, "the next supervisor")
            self.kill_supervisor()
        if stopped and victim not in KILLS_SUPERVISOR:
            kill(stopped, signal.SIGCONT)

    # --- what comes of it ---

    def answer(self, seconds=40):
        """What the caller hears: a DispatchResult, or the record of its job."""
        if self.process:
            return self.home.finish(self.process, seconds).json()
        response = self.pending.wait(seconds)
        assert "result" in response, response
        return text_value(response["result"])

    def finish(self):
        """Nothing is left, whoever was killed; a record does not change any more."""
        if self.client and self.client.process.poll() is None:
            wait_until(self.home.supervisors, 20, "its relay starts the next one")
        if not self.home.status()["running"]:
            # Whoever could have started the next one is dead.
            self.home.dispatch("other", stand_in.say("hello"))
        try:
            wait_until(lambda: is_settled(self.home), 30)
        except AssertionError:
            raise AssertionError(f"left: {what_is_left(self.home)}") from None
        assert not self.home.agents_running()
        wait_until(lambda: not self.home.keepers(), 10, "keepers have synced what their jobs left")
        pid = only(wait_until(lambda: len(found := self.home.supervisors()) == 1 and found))
        wait_until(
            lambda: len(descriptors(pid)) <= self.descriptors_before, 10,
            f"{self.descriptors_before} descriptors: {descriptors(pid)}",
        )  # fmt: skip
        if self.client:
            assert self.client.unmatched == [] and self.client.garbage == []
        if self.job:
            self.check_record_for_good()

    def check_record_for_good(self):
        before = self.home.record_file(self.job).read_bytes()
        assert json.loads(before)["status"] in TERMINAL
        self.home.kill_supervisor()
        assert self.home.dispatch("other", stand_in.say("hello"))["success"]
        wait_until(lambda: is_settled(self.home))
        assert self.home.record_file(self.job).read_bytes() == before


def check_good(scene, heard):
    if scene.kind == JOB:
        assert heard == scene.home.record(scene.job) and heard["status"] == "done"
        heard = heard["result"]
    assert heard.get("success") is True and heard["result"] == "answer" and heard["cost_usd"] == 0.01, heard


def check_bad(scene, heard, *types):
    if scene.kind == JOB:
        assert heard["status"] == "failed" and heard["session_id"] and heard["error"], heard
        heard = heard["result"]
    assert heard.get("success") is False and heard["error_type"] in types and heard["error"], heard
    assert heard["session_id"], "what was paid for can be gone on with"


def check_cancelled(scene):
    if scene.kind == MCP:
        return  # it may not be answered, and needs not
    heard = scene.answer()
    if scene.kind == JOB:
        assert heard["status"] == "cancelled"
        before = {name: value for name, value in heard.items() if name != "result"}
        wait_until(lambda: is_settled(scene.home), 30)
        assert {k: v for k, v in scene.home.record(scene.job).items() if k != "result"} == before
    else:
        assert heard.get("success") is False and heard["error_type"] in ("cancelled", "cli_error"), heard


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("victim", VICTIMS)
@pytest.mark.parametrize("state_", STATES)
def test_one_answer_one_execution_and_nothing_left(home, state_, victim, kind):
    if not is_possible(state_, victim):
        pytest.skip("there is no such process")
    scene = Scene(home, kind, state_)
    scene.begin()
    scene.strike(victim)
    if victim in KILLS_FRONTEND:
        check_without_caller(scene, victim)
    else:
        check_with_caller(scene, victim)
    scene.finish()
    assert stand_in.executions(scene.ran) == expected_executions(scene, victim)


def expected_executions(scene, victim):
    if scene.state != QUEUED:
        return 1
    if victim in KILLS_FRONTEND and scene.kind != JOB:
        return 0
    # Its environment has died with its frontend and with the supervisor.
    return 0 if victim == ALL_BUT_RUN else 1


def check_with_caller(scene, victim):
    if scene.state == CANCELLED:
        check_cancelled(scene)
    elif scene.state == TIMED_OUT:
        check_bad(scene, scene.answer(), *(["timeout", "cli_error"] if victim in KILLS_RUN else ["timeout"]))
    elif scene.state != QUEUED and victim in KILLS_RUN:
        check_bad(scene, scene.answer(), "cli_error")
    else:
        scene.door.touch()
        check_good(scene, scene.answer())
    check_blocker(scene, victim)


def check_blocker(scene, victim):
    """The other one's run, which the request waited for."""
    if scene.blocker:
        heard = scene.home.finish(scene.blocker).json()
        # A CLI without its keeper goes on until somebody looks: it may have answered by then.
        answered = victim not in KILLS_RUN or (heard["success"] and "keeper" in victim and "was killed" in heard["hint"])
        assert heard["success"] is answered, heard
        assert victim in KILLS_RUN or heard["result"] == "blocked"


def check_without_caller(scene, victim):
    home = scene.home
    if scene.kind != JOB:
        # Nobody opens the door: a run without a caller is ended. Only the one that blocks has one.
        if scene.blocker:
            if victim == FRONTEND:
                wait_until(lambda: home.status()["queued"] == 0, 20, "the request of the dead is withdrawn")
            scene.door.touch()
            check_blocker(scene, victim)
        return
    scene.door.touch()
    check_blocker(scene, victim)
    if not home.supervisors():
        home.dispatch("other", stand_in.say("hello"))
    record = home.ended_job(scene.job, seconds=30)
    if scene.state == QUEUED and victim == ALL_BUT_RUN:
        assert record["status"] == "failed" and "retry" in record["error"] and "started_at" not in record, record
        assert stand_in.executions(scene.ran) == 0
    elif scene.state == CANCELLED:
        assert record["status"] == "cancelled"
    elif scene.state == TIMED_OUT:
        check_bad(scene, record, "timeout")
    else:
        check_good(scene, record)


# --- what the loop does not reach ---


def test_a_job_that_lost_its_environment_is_started_by_a_retry(home):
    scene = Scene(home, JOB, QUEUED)
    scene.begin()
    scene.strike(ALL_BUT_RUN)
    check_without_caller(scene, ALL_BUT_RUN)
    answer = home.cli("retry", scene.job, "--json")
    again = answer.json()["job_id"]
    assert home.cli("wait", again).code == 0 and home.record(again)["retry_of"] == scene.job
    assert home.record(again)["result"]["result"] == "answer" and stand_in.executions(scene.ran) == 1
    scene.finish()


def test_a_job_accepted_by_a_command_runs_on_and_is_done_by_the_next_supervisor(home):
    home.write_config({"notes": {}})
    door, ran = home.root / "door", home.root / "ran"
    ident = home.job("notes", stand_in.steps(stand_in.count(ran), {"text": "partial"}, {"wait_for": str(door)}, {"text": "x"}))
    wait_until(lambda: "progress" in home.record(ident))
    home.kill_supervisor()
    before = home.record(ident)
    assert home.cli("job", ident, "--json").json() == before and before["status"] == "running"
    assert not home.supervisors(), "looking needs none"
    waiting = home.start("wait", ident, "--json")
    wait_until(lambda: home.status()["running"])
    assert home.record(ident)["status"] == "running" and home.status()["live_runs"] == 1
    door.touch()
    ended = home.finish(waiting)
    assert ended.code == 0 and ended.json()["result"]["result"] == "x" and ended.json()["progress"][0] == "partial"
    assert stand_in.executions(ran) == 1
    wait_until(lambda: is_settled(home))


def test_what_ended_while_nobody_was_there_counts(home):
    home.write_config({"good": {}, "bad": {}})
    door = home.root / "door"
    good = home.job("good", stand_in.steps({"wait_for": str(door)}, {"cost": 0.75}, {"text": "meanwhile"}))
    bad = home.job("bad", stand_in.steps({"wait_for": str(door)}, {"stderr": "boom"}, {"exit": 3}))
    for ident in (good, bad):
        home.wait_for_status(ident, "running")
    home.kill_supervisor()
    door.touch()
    wait_until(lambda: not home.keepers())
    assert home.cli("wait", good).code == 0 and home.cli("wait", bad).code == 1
    assert home.record(good)["result"]["cost_usd"] == 0.75 and "boom" in home.record(bad)["error"]
    wait_until(lambda: is_settled(home))


def cut_output(run):
    os.truncate(run / "stdout", (run / "stdout").stat().st_size - 10)


def empty_exit(run):
    (run / "exit.json").write_bytes(b"")


def blank_exit(run):
    (run / "exit.json").write_bytes(bytes(512))


@pytest.mark.parametrize("spoil", [cut_output, empty_exit, blank_exit])
def test_a_run_whose_end_a_power_cut_has_spoiled_is_not_run_again(home, spoil):
    """Its answer counts when all of it is there."""
    home.write_config({"notes": {}})
    door, ran = home.root / "door", home.root / "ran"
    ident = home.job("notes", stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"text": "answer"}))
    home.wait_for_status(ident, "running")
    wait_until(lambda: stand_in.executions(ran) == 1)
    home.kill_supervisor()
    door.touch()
    wait_until(lambda: not home.keepers())
    spoil(only(home.run_directories()))
    home.cli("wait", ident, seconds=20)
    record = home.record(ident)
    if spoil is cut_output:
        assert record["status"] == "failed" and record["session_id"] in record["error"]
    else:
        assert record["status"] == "done" and record["result"]["result"] == "answer"
    assert stand_in.executions(ran) == 1
    wait_until(lambda: is_settled(home))


def test_a_run_that_is_really_gone_fails_its_job_and_names_the_session(home):
    home.write_config({"notes": {}})
    ran = home.root / "ran"
    ident = home.job("notes", stand_in.steps(stand_in.count(ran), {"text": "partial"}, {"hang": True}))
    wait_until(lambda: "progress" in home.record(ident))
    session = home.record(ident)["session_id"]
    kill(only(home.keepers()), signal.SIGSTOP)  # else it might write how its CLI ended
    home.kill_supervisor()
    kill(only(home.keepers()))
    wait_until(lambda: not home.agents_running())
    assert home.cli("wait", ident).code == 1
    record = home.record(ident)
    assert record["status"] == "failed" and session in record["error"] and record["session_id"] == session
    assert stand_in.executions(ran) == 1
    wait_until(lambda: is_settled(home))


def test_what_a_killed_keeper_leaves_is_swept(home):
    """In a session of its own and with an output of its own, but with the mark of its run."""
    home.write_config({"notes": {}})
    pid_file = home.root / "pid"
    child = {"child": {"new_session": True, "double_fork": True, "close_output": True, "pid_file": str(pid_file)}}
    ident = home.job("notes", stand_in.steps({"text": "x"}, child, {"hang": True}))
    wait_until(lambda: "progress" in home.record(ident))
    left = int(wait_until(lambda: pid_file.exists() and pid_file.read_text()))
    home.kill_supervisor()
    kill(only(home.keepers()))
    wait_until(lambda: not home.agents_running() or home.agents_running() == [left])
    assert alive(left)
    assert home.cli("wait", ident).code == 1
    wait_until(lambda: not alive(left))
    wait_until(lambda: is_settled(home))


def test_progress_goes_on_after_a_death(home):
    home.write_config({"notes": {}})
    client, door, end = home.serve(), home.root / "door", home.root / "end"
    script = stand_in.steps({"text": "one"}, {"wait_for": str(door)}, {"text": "two"}, {"wait_for": str(end)})
    call = client.start_call("dispatch_stream", {"agent": "notes", "task": script}, token="t")
    client.wait_notification(lambda m: "one" in m["params"].get("message", ""))
    home.kill_supervisor()
    wait_until(lambda: (s := home.status())["running"] and s["live_runs"] == 1)
    door.touch()
    client.wait_notification(lambda m: "two" in m["params"].get("message", ""), 20)
    end.touch()
    assert text_value(call.wait()["result"])["success"]
    numbers = [params["progress"] for _, params in client.progress("t")]
    assert numbers == sorted(set(numbers)), "it never goes back"


def test_what_a_run_says_while_nobody_watches_is_in_the_record(home):
    home.write_config({"notes": {}})
    door, end = home.root / "door", home.root / "end"
    script = [{"text": "one"}, {"wait_for": str(door)}, {"text": "two"}, {"wait_for": str(end)}, {"text": "three"}]
    ident = home.job("notes", stand_in.steps(*script))
    wait_until(lambda: "progress" in home.record(ident))
    home.kill_supervisor()
    door.touch()
    wait_until(lambda: b"two" in (only(home.run_directories()) / "stdout").read_bytes())
    waiting = home.start("wait", ident)
    wait_until(lambda: (s := home.status())["running"] and s["live_runs"] == 1)
    end.touch()
    assert home.finish(waiting).code == 0
    assert home.record(ident)["progress"] == ["one", "two", "three"]


def test_forty_calls_survive_a_death(home):
    home.write_config({f"agent{n}": {} for n in range(40)}, settings={"max_concurrency": 6})
    clients, door, ran = [home.serve() for _ in range(4)], home.root / "door", home.root / "ran"
    calls = []
    for number in range(40):
        task = stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"text": f"answer {number}"})
        calls.append(clients[number % 4].start_call("dispatch", {"agent": f"agent{number}", "task": task}))
    wait_until(lambda: home.status()["queued"] == 34 and stand_in.executions(ran) == 6, 20)
    home.kill_supervisor()
    door.touch()
    for number, call in enumerate(calls):
        assert text_value(call.wait(60)["result"])["result"] == f"answer {number}"
    assert stand_in.executions(ran) == 40 and not [c.unmatched for c in clients if c.unmatched]
    wait_until(lambda: is_settled(home))


def test_a_ref_survives_a_death(home):
    home.write_config({"notes": {}})
    client, door = home.serve(), home.root / "door"
    call = client.start_call("dispatch", {"agent": "notes", "task": stand_in.wait_for(door, "kept"), "return_ref": True})
    wait_until(home.agents_running)
    home.kill_supervisor()
    door.touch()
    ref = text_value(call.wait()["result"])
    assert client.value("fetch_result", {"ref": ref["ref"]})["result"] == "kept"
    assert len(client.value("dispatch_jobs")) == 1


def test_a_nested_call_survives_a_death(home):
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    inner, door, ran = home.root / "inner", home.root / "door", home.root / "ran"
    inner.write_text(stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"text": "from within"}))
    outer = stand_in.steps(stand_in.count(ran), {"run": f'agent-dispatch dispatch other "$(cat {inner})"'})
    process = home.start("dispatch", "notes", outer, "--json")
    wait_until(lambda: stand_in.executions(ran) == 2)
    home.kill_supervisor()
    door.touch()
    result = home.finish(process, 60).json()
    assert result["success"] and "from within" in result["result"], result
    assert stand_in.executions(ran) == 2
    wait_until(lambda: is_settled(home))


def test_a_newer_programs_run_keeps_its_slot_and_is_left_alone(home):
    home.write_config({"notes": {}, "other": {}}, settings={"max_concurrency": 1})
    door = home.root / "door"
    newer = home.serve()
    newer.start_call("dispatch", {"agent": "notes", "task": stand_in.wait_for(door, "theirs")})
    wait_until(home.agents_running)
    home.kill_supervisor()
    (request,) = home.request_files()
    request.write_text(json.dumps({"format": 99}))
    newer.end_with(signal.SIGKILL)
    client = home.serve()
    call = client.start_call("dispatch", {"agent": "other", "task": stand_in.say("ours")})
    wait_until(lambda: home.status()["queued"] == 1)
    status = home.status()
    assert status["slots"] == {"used": 1, "max": 1} and home.agents_running()
    assert {"name": "notes", "live": 1, "queued": 0} in status["agents"]
    door.touch()
    assert text_value(call.wait()["result"])["result"] == "ours"
    (directory,) = wait_until(lambda: len(left := home.run_directories()) == 1 and left, what="ours is gone")
    assert (directory / "exit.json").exists() and request.exists()
    shutil.rmtree(directory)
    request.unlink()


def test_a_newer_programs_job_is_not_taken_for_lost(home):
    home.write_config({"notes": {}, "other": {}})
    door = home.root / "door"
    ident = home.job("notes", stand_in.wait_for(door, "theirs"))
    home.wait_for_status(ident, "running")
    home.kill_supervisor()
    (request,) = home.request_files()
    ours = request.read_text()
    request.write_text(json.dumps({**json.loads(ours), "format": 99}))
    assert home.dispatch("other", stand_in.say("y"))["result"] == "y"
    assert home.record(ident)["status"] == "running" and home.agents_running()
    home.kill_supervisor()
    request.write_text(ours)  # the newer one is back
    door.touch()
    home.dispatch("other", stand_in.say("z"))
    assert home.ended_job(ident)["result"]["result"] == "theirs"
    wait_until(lambda: is_settled(home))


def test_the_deadline_of_a_run_holds_while_nobody_watches(home):
    home.write_config({"notes": {"timeout": 1}})
    ident = home.job("notes", stand_in.steps({"cost": 0.5}, {"text": "partial"}, {"hang": True}))
    wait_until(lambda: "progress" in home.record(ident))
    home.kill_supervisor()
    wait_until(lambda: not home.keepers() and not home.agents_running(), 15, "its keeper has ended it")
    assert home.cli("wait", ident).code == 1
    result = home.record(ident)["result"]
    assert result["error_type"] == "timeout" and result["cost_usd"] == 0.5
    wait_until(lambda: is_settled(home))


def test_dead_frontends_leave_no_locks(home):
    home.write_config({"notes": {}})
    client = home.serve()
    for _ in range(5):
        home.dispatch("notes", stand_in.say("x"))
    for _ in range(3):
        dead = home.serve()
        dead.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
        dead.request("ping")
        dead.end_with(signal.SIGKILL)
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("y")})["result"] == "y"
    wait_until(lambda: is_settled(home), 20)
    home.kill_supervisor()
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("z")})["result"] == "z"
    wait_until(lambda: len(list(home.state.glob("agent-dispatch/*/frontends/*"))) == 1, 15, "the lock of the one that lives")


# --- storms ---


class Storm:
    """Many jobs, and clients that cancel them: what each was told."""

    def __init__(self, home):
        self.home, self.random = home, random.Random(7)
        agents = {f"agent{number}": {"max_parallel": 3} for number in range(6)}
        home.write_config(agents, settings={"max_concurrency": 8})
        self.client = home.serve()
        self.told, self.problems, self.lock = [], [], threading.Lock()

    def ran(self, number):
        return self.home.root / f"ran-{number}"

    def task(self, number):
        rest = [{"text": "quick"}] if number % 3 else [{"text": "slow"}, {"hang": True}]
        return stand_in.steps(stand_in.count(self.ran(number)), *rest)

    def accept(self, jobs):
        calls = [
            self.client.start_call("dispatch_async", {"agent": f"agent{number % 6}", "task": self.task(number)})
            for number in range(jobs)
        ]
        self.ids = [text_value(call.wait(120)["result"])["job_id"] for call in calls]

    def cancel(self, client, idents):
        try:
            for ident in idents:
                answer = client.value("dispatch_cancel", {"job_id": ident}, seconds=120)
                with self.lock:
                    self.told.append((ident, answer["outcome"], answer["status"]))
        except (AssertionError, KeyError) as problem:
            self.problems.append(problem)

    def rage(self, in_the_middle=lambda: None):
        clients = [self.home.serve() for _ in range(8)]
        work = [self.random.sample(self.ids, len(self.ids) // 4) for _ in clients]
        total = sum(map(len, work))
        threads = [threading.Thread(target=self.cancel, args=each) for each in zip(clients, work)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(self.told) >= total // 3 or self.problems, 120)
        in_the_middle()
        for thread in threads:
            thread.join()
        # What nobody has chosen and does not end by itself.
        self.cancel(self.client, [ident for number, ident in enumerate(self.ids) if number % 3 == 0])
        assert not self.problems, self.problems[0]

    def check(self):
        records = {ident: self.home.ended_job(ident, seconds=120) for ident in self.ids}
        wait_until(lambda: is_settled(self.home), 60)
        lies = [(told, records[told[0]]["status"]) for told in self.told if told[2] != records[told[0]]["status"]]
        assert not lies, lies[:5]
        for number, ident in enumerate(self.ids):
            record, runs = self.home.record(ident), stand_in.executions(self.ran(number))
            outcomes = [outcome for other, outcome, _ in self.told if other == ident]
            assert set(outcomes) <= {"cancelled", "cancelled_running", "already_terminal"}
            assert sum(outcome != "already_terminal" for outcome in outcomes) <= 1, "one cancel ends a job, and no more"
            assert runs <= 1, ident
            assert record["status"] != "done" or (runs == 1 and record["result"]["result"] == "quick")
            # Told that it had not started, it never does.
            assert "cancelled" not in outcomes or (runs == 0 and "started_at" not in record), (ident, record)
            assert record["status"] in ("done", "cancelled"), record
        assert len({outcome for _, outcome, _ in self.told}) == 3, "the test has not met all cases"
        assert len(list(self.home.jobs.glob("*.json"))) == len(self.ids)


def test_what_a_cancel_was_told_is_what_the_record_says(home):
    storm = Storm(home)
    storm.accept(STORM_JOBS)
    storm.rage()
    storm.check()


def test_what_a_cancel_was_told_is_what_the_record_says_after_a_death_as_well(home):
    storm = Storm(home)
    storm.accept(STORM_JOBS)
    storm.rage(home.kill_supervisor)
    storm.check()
