"""A supervisor that cannot start: the command, and the tool call, are answered with why."""

import os
import shutil
import subprocess

import pytest

import stand_in
from harness import PROGRAMS
from processes import wait_until


def check_told(home, *words, environment=None):
    """A command and a call of a tool both say all of these."""
    answer = home.cli("dispatch", "notes", stand_in.say("x"), env=environment)
    assert answer.code == 1 and all(word in answer.err for word in words), answer
    assert "at once" not in answer.err, answer
    client = home.serve(env=environment, initialize=False)
    response = client.start("tools/list", {}).wait()
    assert all(word in response["error"]["message"] for word in words), response
    wait_until(lambda: home.supervisors() == [], what="none is left")  # it ends after its last word
    return client


def state_directory(home):
    """Of the supervisor, which must not be there."""
    home.dispatch("notes", stand_in.say("x"))
    assert home.cli("stop").code == 0
    (state,) = home.state.glob("agent-dispatch/*/")
    return state


def test_a_jobs_directory_that_is_none(home):
    home.write_config({"notes": {}})
    home.jobs.write_text("in the way")
    client = check_told(home, str(home.jobs))
    home.jobs.unlink()  # what was wrong is mended, and the same server serves
    client.initialize()
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("y")})["result"] == "y"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_jobs_directory_of_another_user(home):
    home.write_config({"notes": {}})
    home.jobs.mkdir(mode=0o700)
    os.chown(home.jobs, 12345, -1)
    check_told(home, str(home.jobs), "another user", "AGENT_DISPATCH_JOBS_DIR")
    os.chown(home.jobs, os.geteuid(), -1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_state_directory_of_another_user(home):
    home.write_config({"notes": {}})
    state = state_directory(home)
    os.chown(state, 12345, -1)
    check_told(home, str(state), "another user", "XDG_STATE_HOME")
    os.chown(state, os.geteuid(), -1)


def test_a_state_directory_that_cannot_be_made(home):
    home.write_config({"notes": {}})
    (home.state / "agent-dispatch").write_text("in the way")
    check_told(home, str(home.state / "agent-dispatch"))


def test_a_log_that_is_no_file(home):
    home.write_config({"notes": {}})
    state = state_directory(home)
    (state / "supervisor.log").unlink()
    os.mkfifo(state / "supervisor.log")
    check_told(home, "supervisor.log")


def test_a_keeper_that_is_not_installed(home):
    home.write_config({"notes": {}})
    programs = home.root / "programs"
    programs.mkdir()
    for name in ("agent-dispatch", "agent-dispatchd"):
        shutil.copy2(PROGRAMS / name, programs / name)
    command = [programs / "agent-dispatch", "dispatch", "notes", stand_in.say("x")]
    answer = subprocess.run(command, env=home.environment, cwd=home.root, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 1 and "agent-dispatch-run" in answer.stderr, answer


def test_a_full_disk(home):
    home.write_config({"notes": {}})
    place = home.state / "agent-dispatch"
    place.mkdir(mode=0o700)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=3,mode=0700", "none", str(place)]
    if subprocess.run(mounted, capture_output=True).returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        check_told(home, str(place), "No space left")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_log_level_that_is_none(home):
    home.write_config({"notes": {}})
    check_told(home, "loud", "AGENT_DISPATCH_LOG_LEVEL", environment=home.env(AGENT_DISPATCH_LOG_LEVEL="loud"))


def test_one_that_dies_as_it_starts_is_answered_with_its_log(home):
    home.write_config({"notes": {}})
    state = state_directory(home)
    (state / "crash-at").write_text("start always")
    check_told(home, "a test wants start to die")


def test_one_that_hangs_is_named_with_its_log(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    log = home.status()["log"]
    home.freeze_supervisor()
    answer = home.cli("dispatch", "notes", stand_in.say("x"), seconds=60)
    assert answer.code == 1 and log in answer.err and f"kill -9 {home.frozen}" in answer.err, answer
    home.kill_supervisor()


def test_a_jobs_directory_without_room(home):
    home.write_config({"notes": {}})
    home.jobs.mkdir(mode=0o700)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=4k,mode=0700", "none", str(home.jobs)]
    if subprocess.run(mounted, capture_output=True).returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        (home.jobs / "filler").write_bytes(b"x" * 4096)
        check_told(home, str(home.jobs), "No space left")
    finally:
        subprocess.run(["umount", "-l", str(home.jobs)], check=True)
