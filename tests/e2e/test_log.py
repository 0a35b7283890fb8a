"""The supervisor's log: levels, rotation, and what it must never do."""

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

import stand_in
from harness import PROGRAMS
from processes import PATIENCE, core_limit, wait_until


def log_of(home):
    (state,) = home.state.glob("agent-dispatch/*/")
    return state / "supervisor.log"


def started_and_stopped(home, **environment):
    assert home.dispatch("notes", stand_in.say("x"), env=home.env(**environment))["result"] == "x"
    assert home.cli("stop").code == 0
    return log_of(home).read_text()


def test_a_level_leaves_out_what_is_less(home):
    home.write_config({"notes": {}})
    assert " I " in started_and_stopped(home)
    log_of(home).unlink()
    assert started_and_stopped(home, AGENT_DISPATCH_LOG_LEVEL="error") == ""
    debug = started_and_stopped(home, AGENT_DISPATCH_LOG_LEVEL="debug")
    assert " D " in debug and " I " in debug


def test_a_log_that_has_grown_over_several_supervisors_is_put_aside(home):
    home.write_config({"notes": {}})
    started_and_stopped(home)
    log = log_of(home)
    for number in range(1, 6):
        with open(log, "ab") as file:
            file.truncate(5 << 20)
        before = log.stat().st_ino
        started_and_stopped(home)
        assert (log.parent / "supervisor.1.log").stat().st_ino == before
        assert log.stat().st_size < 1 << 20
    logs = sorted(path.name for path in log.parent.glob("supervisor*"))
    assert logs == ["supervisor.1.log", "supervisor.2.log", "supervisor.3.log", "supervisor.log"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in log.parent.glob("supervisor*")} == {0o600}


def test_a_log_that_others_could_read_is_closed_to_them(home):
    home.write_config({"notes": {}})
    started_and_stopped(home)
    log_of(home).chmod(0o644)
    started_and_stopped(home)
    assert stat.S_IMODE(log_of(home).stat().st_mode) == 0o600


def test_a_disk_without_room_for_the_log_harms_nobody(home):
    home.write_config({"notes": {}})
    started_and_stopped(home)
    log = log_of(home)
    log.unlink()
    log.touch(mode=0o600)
    # A file system of its own for the log alone, without room.
    small = home.root / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(small)], capture_output=True).returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        (small / "log").write_bytes(b"x" * 4096)
        subprocess.run(["mount", "--bind", str(small / "log"), str(log)], check=True)
        try:
            for _ in range(3):
                assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
            assert log.stat().st_size == 4096
            assert home.cli("stop").code == 0
        finally:
            subprocess.run(["umount", "-l", str(log)], check=True)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


@pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer writes to stderr too, of what CAF does")
def test_a_reader_of_stderr_that_does_not_read_holds_nobody_up(home):
    home.write_config({"notes": {}})
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writing, True)
    command = subprocess.Popen(
        [str(PROGRAMS / "agent-dispatch"), "supervise"],
        env=home.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=writing,
        start_new_session=True,
    )
    os.close(writing)
    try:
        wait_until(lambda: home.status()["running"])
        assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
    finally:
        command.send_signal(signal.SIGTERM)
        assert command.wait(30) == 0
        os.close(reading)


SANITIZED = pytest.mark.skipif(PATIENCE > 1, reason="a sanitizer handles these signals itself")


@pytest.mark.parametrize("number", [signal.SIGABRT, pytest.param(signal.SIGSEGV, marks=SANITIZED), pytest.param(signal.SIGBUS, marks=SANITIZED)])
def test_the_last_line_says_which_signal_ended_it(home, number):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    pid = home.status()["pid"]
    os.kill(pid, number)
    wait_until(lambda: home.supervisors() == [])
    assert number.name in log_of(home).read_text().splitlines()[-1]
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"


def test_the_end_of_an_actor_is_told_with_what_it_threw(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    (log_of(home).parent / "crash-at").write_text("admission")
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"
    assert "a test wants admission to die" in log_of(home).read_text()


def test_nothing_leaves_a_core_file(home):
    home.write_config({"notes": {}})
    client = home.serve()
    client.start_call("dispatch", {"agent": "notes", "task": stand_in.steps({"hang": True})})
    wait_until(home.agents_running)
    for pid in home.supervisors() + home.keepers():
        assert Path(f"/proc/{pid}/environ").stat().st_uid == 0  # not dumpable: what is in /proc is root's
    assert core_limit(home.supervisors()[0]) == 0
    assert core_limit(client.process.pid) <= 1
    assert not list(home.root.rglob("core*"))
