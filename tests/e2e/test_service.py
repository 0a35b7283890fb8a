"""The supervisor as a service of systemd, without systemd: the socket that is handed over, and what it is told."""

import os
import select
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest

import stand_in
from harness import PROGRAMS, ROOT
from processes import environment, wait_until


class Manager:
    """Listens on the socket of the unit, and starts the service with it, as a service manager does."""

    def __init__(self, home):
        self.home = home
        self.path = home.runtime / "agent-dispatch" / "service.sock"
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.path.chmod(0o600)
        self.socket.listen()
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(home.root / "notify"))
        self.notified.settimeout(30)

    def start(self, count=1, fd=None, **variables):
        handed = (self.socket if fd is None else fd).fileno()
        script = f'exec 3<&{handed}; LISTEN_PID=$$ LISTEN_FDS={count} LISTEN_FDNAMES=x exec "$0" supervise'
        process = subprocess.Popen(
            ["/bin/bash", "-c", script, str(PROGRAMS / "agent-dispatch")],
            env=self.home.env(NOTIFY_SOCKET=str(self.home.root / "notify"), **variables),
            pass_fds=[handed],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.home.started.append(process)
        return process

    def told(self):
        """The first line of the next message."""
        return self.notified.recv(4096).decode().splitlines()[0]

    def close(self):
        self.socket.close()
        self.notified.close()


@pytest.fixture
def manager(home):
    home.write_config({"notes": {}})
    made = Manager(home)
    yield made
    made.close()


def end(home, process):
    process.send_signal(signal.SIGTERM)
    answer = home.finish(process)
    assert answer.code == 0, answer


def test_a_supervisor_serves_on_the_socket_it_is_handed(home, manager):
    process = manager.start()
    assert manager.told() == "READY=1"
    status = home.status()
    assert status["pid"] == process.pid and status["socket"] == str(manager.path)
    assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
    assert home.supervisors() == [process.pid]
    names = {name.split("=")[0] for name in environment(process.pid)}
    assert not names & {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET"}
    end(home, process)
    assert manager.told() == "STOPPING=1"
    assert stat.S_ISSOCK(manager.path.stat().st_mode), "the socket is the manager's"


def test_who_comes_before_it_is_there_waits_for_it(home, manager):
    first = manager.start()  # which says where the socket is
    assert manager.told() == "READY=1"
    end(home, first)
    waiting = home.start("dispatch", "notes", stand_in.say("x"), "--json")
    wait_until(lambda: has_waiting(manager), 10, "somebody connects")
    again = manager.start()
    assert '"x"' in home.finish(waiting).out
    assert home.supervisors() == [again.pid]
    end(home, again)


def has_waiting(manager):
    return bool(select.select([manager.socket], [], [], 0)[0])


def test_to_ask_how_it_is_starts_none(home, manager):
    process = manager.start()
    assert manager.told() == "READY=1"
    end(home, process)
    assert home.status()["running"] is False
    assert home.cli("stop").code == 0
    home.cli("doctor")
    assert not has_waiting(manager)


def test_it_serves_again_after_a_kill(home, manager):
    process = manager.start()
    assert manager.told() == "READY=1"
    process.kill()
    home.finish(process)
    again = manager.start()
    assert manager.told() == "READY=1"
    assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
    assert home.supervisors() == [again.pid]
    end(home, again)


def test_a_service_that_serves_another_jobs_directory_by_now_serves_none_of_this_one(home, manager):
    process = manager.start()
    assert manager.told() == "READY=1"
    end(home, process)
    assert manager.told() == "STOPPING=1"
    other = manager.start(AGENT_DISPATCH_JOBS_DIR=str(home.root / "other-jobs"))
    assert manager.told() == "READY=1"
    assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
    assert home.status()["pid"] != other.pid
    home.cli("stop")
    end(home, other)


def test_a_service_begins_when_the_supervisor_that_is_there_has_ended(home, manager):
    home.dispatch("notes", stand_in.say("x"))
    process = manager.start()
    assert manager.told() == "READY=1", "systemd does not give it up"
    assert home.status()["pid"] != process.pid
    assert home.cli("stop", "--keep-runs").code == 0
    assert manager.told() == "READY=1"
    assert home.status()["pid"] == process.pid
    end(home, process)


def test_a_socket_that_is_none_is_refused(home, manager):
    answer = home.finish(manager.start(fd=manager.notified))
    assert answer.code == 1 and "ListenStream" in answer.err, answer


def test_more_than_one_socket_is_refused(home, manager):
    answer = home.finish(manager.start(count=2))
    assert answer.code == 1 and "agent-dispatch.socket" in answer.err, answer


def test_variables_for_another_process_are_nothing(home):
    home.write_config({"notes": {}})
    process = home.start("supervise", env=home.env(LISTEN_PID="1", LISTEN_FDS="1"))
    wait_until(lambda: home.status()["running"])
    assert home.status()["socket"] != str(home.runtime / "agent-dispatch" / "service.sock")
    end(home, process)


def test_the_units_are_what_systemd_takes(tmp_path):
    if not shutil.which("systemd-analyze"):
        pytest.skip("there is no systemd-analyze")
    units = ROOT / "docs" / "systemd"
    text = (units / "agent-dispatch.service.in").read_text()
    service = tmp_path / "agent-dispatch.service"
    service.write_text(text.replace("@AGENT_DISPATCH_PROGRAM@", str(PROGRAMS / "agent-dispatch")))
    shutil.copy(units / "agent-dispatch.socket", tmp_path)
    command = ["systemd-analyze", "verify", "--user", "--man=no", str(service), str(tmp_path / "agent-dispatch.socket")]
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})
    assert answer.returncode == 0 and "agent-dispatch" not in answer.stderr, answer
    for line in ("KillMode=process", "OOMPolicy=continue", "Type=notify"):
        assert line in text
