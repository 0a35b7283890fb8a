"""The supervisor as a process: how it starts, who it serves, and how it ends."""

import os
import signal
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import stand_in
from mcp_client import text_value
from processes import alive, descriptors, environment, kill, program, resident_bytes, wait_until, working_directory


def supervisor_of(home):
    return home.status()["pid"]


# --- starting ---


def test_status_starts_none(home):
    answer = home.cli("status", "--json")
    assert answer.code == 0 and answer.json()["running"] is False, answer
    assert home.supervisors() == []


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["list"], ["list", "--json"]])
def test_commands_that_need_none_start_none(home, words):
    assert home.cli(*words).code == 0
    assert home.supervisors() == [] and not list(home.state.iterdir())


def test_a_dispatch_starts_one_that_stays(home):
    home.write_config({"notes": {}})
    assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
    status = home.status()
    assert status["running"] is True and status["live_runs"] == 0 and status["queued"] == 0
    assert home.supervisors() == [status["pid"]]
    assert Path(status["log"]).is_file() and stat.S_ISSOCK(os.stat(status["socket"]).st_mode)
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"
    assert supervisor_of(home) == status["pid"]


def test_ten_frontends_at_once_start_one_supervisor(home):
    home.write_config({f"agent{number}": {} for number in range(10)}, settings={"max_concurrency": 10})
    processes = [home.start("dispatch", f"agent{number}", stand_in.say("x"), "--json") for number in range(10)]
    for process in processes:
        answer = home.finish(process, 60)
        assert answer.code == 0 and answer.json()["result"] == "x", answer
    wait_until(lambda: len(home.supervisors()) == 1, 10, "those that lost the race are gone")


def test_ten_servers_at_once_share_one_supervisor(home):
    home.write_config({"notes": {}})
    clients = [home.serve(initialize=False) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda client: client.initialize(), clients))
    wait_until(lambda: len(home.supervisors()) == 1, 10, "those that lost the race are gone")
    assert home.status()["frontends"] >= 10


def test_the_socket_of_a_killed_supervisor_is_replaced(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    path = home.status()["socket"]
    before = home.kill_supervisor()
    assert os.path.exists(path), "a killed supervisor cannot take its socket along"
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"
    assert supervisor_of(home) != before


def test_something_else_in_the_place_of_the_socket_is_replaced(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    path = Path(home.status()["socket"])
    home.kill_supervisor()
    path.unlink()
    path.write_text("no socket")
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"


def test_two_jobs_directories_have_two_supervisors(make_home):
    one, two = make_home(), make_home()
    two.environment["XDG_STATE_HOME"], two.environment["XDG_RUNTIME_DIR"] = str(one.state), str(one.runtime)
    for home in (one, two):
        home.write_config({"notes": {}})
        assert home.dispatch("notes", stand_in.say("x"))["success"]
    assert supervisor_of(one) != supervisor_of(two)


def test_two_configurations_with_one_jobs_directory_share_a_supervisor(make_home):
    one, two = make_home(), make_home()
    for home in (one, two):
        home.environment["AGENT_DISPATCH_JOBS_DIR"] = str(one.root / "jobs")
        home.write_config({"notes": {}})
    assert one.dispatch("notes", stand_in.say("x"))["success"]
    # Either is right: they share it, or the second is told why not.
    answer = two.cli("dispatch", "notes", stand_in.say("x"), "--json")
    wait_until(lambda: len(one.supervisors()) == 1, 10, "one supervisor is left")
    assert answer.code == 0 or "agents.yaml" in answer.out + answer.err, answer


def test_a_client_with_a_trimmed_environment_finds_the_same_supervisor(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    before = supervisor_of(home)
    trimmed = home.env(XDG_RUNTIME_DIR=None, XDG_STATE_HOME=None, XDG_CONFIG_HOME=None)
    assert home.dispatch("notes", stand_in.say("y"), env=trimmed)["result"] == "y"
    assert home.supervisors() == [before]


def test_long_paths_are_no_obstacle(make_home):
    home = make_home()
    long = home.root / "/".join(["a-rather-long-name-of-a-directory"] * 5)
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        place = long / name
        place.mkdir(parents=True, mode=0o700)
        home.environment[name] = str(place)
    home.state = long / "XDG_STATE_HOME"
    home.write_config({"notes": {}})
    assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
    assert home.serve().value("dispatch", {"agent": "notes", "task": stand_in.say("y")})["result"] == "y"


def test_its_places_are_private(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    status = home.status()
    for place in (Path(status["socket"]).parent, Path(status["log"]).parent):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700, place


def test_supervise_serves_in_the_foreground(home):
    home.write_config({"notes": {}})
    process = home.start("supervise")
    wait_until(lambda: home.status()["running"])
    assert home.dispatch("notes", stand_in.say("x"))["result"] == "x"
    process.send_signal(signal.SIGTERM)
    answer = home.finish(process)
    assert answer.code in (0, -signal.SIGTERM, 128 + signal.SIGTERM), answer
    assert home.status()["running"] is False


def test_a_second_supervisor_says_that_there_is_one(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    answer = home.cli("supervise")
    assert answer.code == 1 and answer.err, answer
    wait_until(lambda: len(home.supervisors()) == 1, 10, "those that lost the race are gone")


# --- whose run it is ---


def test_the_run_has_the_environment_of_its_caller(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"), env=home.env(SECRET_OF_THE_FIRST="one"))
    process = home.start("dispatch", "notes", stand_in.hang(), env=home.env(SECRET_OF_THE_SECOND="two"))
    (agent,) = wait_until(home.agents_running)
    given = environment(agent)
    assert given["SECRET_OF_THE_SECOND"] == "two" and "SECRET_OF_THE_FIRST" not in given
    assert given["AGENT_DISPATCH_DEPTH"] == "1" and given["AGENT_DISPATCH_RUN"]
    assert working_directory(agent) == str(home.agent_directory("notes"))
    for pid in home.supervisors() + home.keepers():
        assert not {"SECRET_OF_THE_FIRST", "SECRET_OF_THE_SECOND"} & environment(pid).keys(), program(pid)
        assert working_directory(pid) in ("/", None), program(pid)
    written = "".join(path.read_text(errors="replace") for path in home.state.rglob("*") if path.is_file())
    assert "SECRET_OF_THE" not in written, "the environment is in no file"
    process.send_signal(signal.SIGINT)
    home.finish(process)


def test_fourteen_servers_share_one_and_each_ends_only_its_own_runs(home):
    home.write_config({f"agent{number}": {} for number in range(14)}, settings={"max_concurrency": 14})
    clients = [home.serve() for _ in range(14)]
    status = home.status()
    assert home.supervisors() == [status["pid"]] and status["frontends"] >= 14
    running = {}
    for number, client in enumerate(clients):
        known = set(home.agents_running())
        client.start_call("dispatch", {"agent": f"agent{number}", "task": stand_in.hang()})
        (running[number],) = wait_until(lambda: set(home.agents_running()) - known)
    for number, client in enumerate(clients):
        client.end_with([signal.SIGKILL, signal.SIGTERM, signal.SIGINT][number % 3])
        wait_until(lambda: not alive(running[number]), 15, f"the run of server {number} is ended")
        assert [other for other in range(number + 1, 14) if not alive(running[other])] == []
        left = wait_until(lambda: (s := home.status())["live_runs"] == 13 - number and s, 15)
        assert left["pid"] == status["pid"] and left["slots"]["used"] == 13 - number
    assert [agent for agent in home.status()["agents"] if agent["live"]] == []


def test_descriptors_do_not_grow(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    pid = supervisor_of(home)
    wait_until(lambda: home.run_directories() == [])
    before = len(descriptors(pid))
    for _ in range(20):
        home.dispatch("notes", stand_in.say("x"))
    wait_until(lambda: len(descriptors(pid)) <= before, 10, f"descriptors are back at {before}: {descriptors(pid)}")


# --- strangers on the socket ---


def talk(path, data):
    """Says something on the socket; what comes back until it is closed or silent."""
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(2)
        stranger.connect(path)
        try:
            stranger.sendall(data)
            stranger.shutdown(socket.SHUT_WR)
            while stranger.recv(65536):
                pass
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 4096 + b"\n",
        b'{"jsonrpc":"2.0"',
        b"[]\n{}\n7\n",
        b'{"hello":7}\n',
        b"[" * 100_000 + b"\n",
        os.urandom(1 << 16),
        b"x" * (70 << 20),
    ],
    ids=["nothing", "empty lines", "http", "bytes", "half", "json", "hello", "nested", "random", "endless"],
)
def test_garbage_on_the_socket_harms_nobody(home, data):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    before = home.status()
    talk(before["socket"], data)
    assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"
    assert supervisor_of(home) == before["pid"]


def test_idle_strangers_block_nobody(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    path = home.status()["socket"]
    strangers = []
    try:
        for _ in range(50):
            stranger = socket.socket(socket.AF_UNIX)
            stranger.connect(path)
            strangers.append(stranger)
        assert home.dispatch("notes", stand_in.say("y"))["result"] == "y"
    finally:
        for stranger in strangers:
            stranger.close()


# --- ending ---


def test_an_idle_supervisor_ends_by_itself(home):
    home.write_config({"notes": {}}, settings={"idle_exit_seconds": 1})
    home.dispatch("notes", stand_in.say("x"))
    wait_until(lambda: not home.supervisors(), 15, "the idle supervisor is gone")
    assert home.status()["running"] is False


def test_a_frontend_keeps_it_from_being_idle(home):
    home.write_config({"notes": {}}, settings={"idle_exit_seconds": 1})
    client = home.serve()
    pid = supervisor_of(home)
    # Each round is over a second long at the least: the sign of life of a run that is slower than the idle time.
    result = client.value("dispatch", {"agent": "notes", "task": stand_in.say_after(2500, "still here")})
    assert result["result"] == "still here" and supervisor_of(home) == pid
    client.close()
    wait_until(lambda: not alive(pid), 15, "the idle supervisor is gone")


def test_stop_without_a_supervisor_is_no_failure(home):
    assert home.cli("stop").code == 0
    assert home.supervisors() == []


def test_stop_ends_an_idle_supervisor(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    pid = supervisor_of(home)
    assert home.cli("stop").code == 0
    wait_until(lambda: not alive(pid))
    assert home.status()["running"] is False


def test_stop_waits_for_what_runs(home):
    home.write_config({"notes": {}})
    door = home.root / "door"
    process = home.start("dispatch", "notes", stand_in.wait_for(door, "finished"), "--json")
    wait_until(home.agents_running)
    stopping = home.start("stop")
    wait_until(lambda: stopping.poll() is None and process.poll() is None)
    door.touch()
    assert home.finish(process).json()["result"] == "finished"
    assert home.finish(stopping).code == 0
    wait_until(lambda: not home.supervisors())


def test_stop_now_ends_what_runs_and_says_so(home):
    home.write_config({"notes": {}})
    process = home.start("dispatch", "notes", stand_in.hang(), "--json")
    wait_until(home.agents_running)
    answer = home.cli("stop", "--now")
    assert answer.code == 0 and "notes" in answer.out + answer.err, answer
    ended = home.finish(process)
    assert ended.code == 1 and (ended.out + ended.err).strip(), ended
    assert not home.agents_running()
    wait_until(lambda: not home.supervisors(), 10, "its process has ended after its lock was free")


def test_stop_now_does_not_wait_for_a_line_that_is_being_read(home):
    """The session that reads it ends late: the supervisor must not wait for it for ever, nor leave it waiting.

    It may not even get to say that it leaves; the request is then asked again of the next one."""
    home.write_config({"notes": {}})
    client = home.serve()
    ping = client.start("ping", {"x": "a" * (63 << 20)})
    pid = supervisor_of(home)
    wait_until(lambda: resident_bytes(pid) > 63 << 20, 30, "the line has arrived")
    assert home.cli("stop", "--now", seconds=60).code == 0
    wait_until(lambda: not alive(pid), 60, "the supervisor is gone")
    assert ping.wait(60)["result"] == {}


# --- embedded ---


def test_an_embedded_supervisor_ends_with_its_frontend(home):
    home.write_config({"notes": {}})
    answer = home.cli("--embedded", "dispatch", "notes", stand_in.say("x"), "--json")
    assert answer.code == 0 and answer.json()["result"] == "x", answer
    wait_until(lambda: not home.supervisors(), 10, "the private supervisor is gone")


@pytest.mark.parametrize("how", ["end of input", signal.SIGTERM, signal.SIGKILL])
def test_an_embedded_server_leaves_nothing(home, how):
    home.write_config({"notes": {}})
    client = home.serve(env=home.env(AGENT_DISPATCH_EMBEDDED="1"))
    client.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
    wait_until(home.agents_running)
    if how == "end of input":
        client.close()
    else:
        client.end_with(how)
    wait_until(lambda: not home.agents_running() and not home.supervisors(), 15, "all of it is gone")


def test_embedded_is_refused_beside_a_live_supervisor(home):
    home.write_config({"notes": {}})
    home.dispatch("notes", stand_in.say("x"))
    answer = home.cli("--embedded", "dispatch", "notes", stand_in.say("x"))
    assert answer.code == 1 and "supervisor" in answer.err, answer


# --- after a death ---


def test_the_next_supervisor_takes_over_what_the_last_one_left(home):
    home.write_config({"notes": {}, "other": {}})
    door, ran = home.root / "door", home.root / "ran"
    waiting = home.start(
        "dispatch", "notes", stand_in.steps(stand_in.count(ran), {"wait_for": str(door)}, {"text": "survived"}), "--json"
    )
    (agent,) = wait_until(home.agents_running)
    before = home.kill_supervisor()
    # The command that waits starts the next one; another's run goes on beside the one that was taken over.
    assert home.dispatch("other", stand_in.say("undisturbed"))["result"] == "undisturbed"
    status = home.status()
    assert status["pid"] != before and status["live_runs"] == 1 and status["slots"]["used"] == 1
    assert home.agents_running() == [agent] and waiting.poll() is None
    door.touch()
    assert home.finish(waiting).json()["result"] == "survived"
    assert stand_in.executions(ran) == 1


def test_the_next_supervisor_ends_the_run_of_a_caller_that_is_gone_and_no_other(home):
    home.write_config({"notes": {}, "other": {}})
    door = home.root / "door"
    waiting = home.start("dispatch", "other", stand_in.wait_for(door, "undisturbed"), "--json")
    (kept,) = wait_until(home.agents_running)
    orphaned = home.start("dispatch", "notes", stand_in.steps({"ignore": ["SIGINT"]}, {"hang": True}))
    (lost,) = wait_until(lambda: set(home.agents_running()) - {kept})
    # Stopped, it cannot notice that its caller is gone; and nobody is left who would start the next one.
    supervisor = supervisor_of(home)
    for pid in (supervisor, waiting.pid):
        kill(pid, signal.SIGSTOP)
    kill(orphaned.pid)
    orphaned.communicate()
    kill(supervisor)
    wait_until(lambda: not alive(supervisor))
    assert alive(lost) and alive(kept)
    kill(waiting.pid, signal.SIGCONT)
    wait_until(lambda: not alive(lost), 20, "its caller is gone, and so is the run")
    assert alive(kept)
    door.touch()
    assert home.finish(waiting).json()["result"] == "undisturbed"


def test_a_server_goes_on_after_its_supervisor_died(home):
    home.write_config({"notes": {}})
    client, door = home.serve(), home.root / "door"
    waiting = client.start_call("dispatch", {"agent": "notes", "task": stand_in.wait_for(door, "survived")})
    wait_until(home.agents_running)
    home.kill_supervisor()
    assert client.request("ping")["result"] == {} and not waiting.answered()
    door.touch()
    assert text_value(waiting.wait()["result"])["result"] == "survived"
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("again")})["result"] == "again"


def test_a_replaced_jobs_directory_harms_no_run(home):
    home.write_config({"notes": {}, "other": {}})
    door = home.root / "door"
    process = home.start("dispatch", "notes", stand_in.wait_for(door, "finished"), "--json")
    wait_until(home.agents_running)
    jobs = home.root / "config" / "jobs"
    jobs.rename(home.root / "moved")
    assert home.dispatch("other", stand_in.say("from the second"))["result"] == "from the second"
    door.touch()
    assert home.finish(process).json()["result"] == "finished"
    wait_until(lambda: len(home.supervisors()) == 1, 15)
    assert home.dispatch("other", stand_in.say("still there"))["result"] == "still there"


def test_the_first_callers_descriptors_are_closed(home):
    home.write_config({"notes": {}})
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    process = home.start("dispatch", "notes", stand_in.say("x"), pass_fds=(writing,))
    assert home.finish(process).code == 0
    os.close(writing)
    assert os.read(reading, 1) == b"", "the supervisor holds a descriptor of its first caller"
    os.close(reading)
