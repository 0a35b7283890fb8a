"""`doctor`: each thing that goes wrong is made for real and found; the remedy that is printed is pasted, and it is gone."""

import contextlib
import json
import os
import subprocess
import threading
import time

import pytest

import stand_in
from fake_supervisor import Connection, FakeSupervisor
from harness import PROGRAMS
from processes import PATIENCE, kill, state, wait_until
from test_config_errors import BROKEN

CLAUDE = """#!/usr/bin/python3
# What doctor needs of the CLI: its version, and where it keeps the registrations of MCP servers.
import json, os, sys
from pathlib import Path
words = sys.argv[1:]
if words == ["--version"]:
    print("2.1.329 (Claude Code)")
elif words[:2] in (["mcp", "add-json"], ["mcp", "remove"]):
    file = Path(os.environ["HOME"]) / ".claude.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    servers = known.setdefault("mcpServers", {})
    if words[1] == "remove":
        del servers[words[2]]
    else:
        if words[2] in servers:
            sys.exit(f"MCP server {words[2]} already exists in user config")
        servers[words[2]] = json.loads(words[3])
    file.write_text(json.dumps(known))
else:
    sys.exit(2)
"""


def write_claude(home, text):
    file = home.bin / "claude"
    file.unlink(missing_ok=True)
    file.write_text(text)
    file.chmod(0o755)


@pytest.fixture
def home(make_home):
    """A home where all is well: a CLI, a login, a registration, one agent."""
    home = make_home(claude=None)
    write_claude(home, CLAUDE)
    home.environment["ANTHROPIC_API_KEY"] = "not-a-key"
    home.write_config({"notes": {}})
    home.config_dir.chmod(0o700)
    server = {"type": "stdio", "command": str(PROGRAMS / "agent-dispatch"), "args": ["serve"]}
    (home.home / ".claude.json").write_text(json.dumps({"mcpServers": {"agent-dispatch": server}}))
    return home


def problems(home, env=None, cwd=None):
    """What `doctor --json` does not find good. Its exit code and summary are checked."""
    answer = home.cli("doctor", "--json", env=env, cwd=cwd or home.root)
    said = answer.json()
    assert set(said) == {"checks", "summary"}, answer
    for check in said["checks"]:
        assert {"check", "status", "message"} <= set(check) <= {"check", "status", "message", "remedy"}, check
    counted = [sum(check["status"] == status for check in said["checks"]) for status in ("ok", "warning", "failure")]
    assert said["summary"] == dict(zip(("ok", "warnings", "failures"), counted)), answer
    assert answer.code == (1 if counted[2] else 0), answer
    return [check for check in said["checks"] if check["status"] != "ok"]


def problem(home, check, status, **options):
    """The only problem, which must be this one."""
    found = problems(home, **options)
    assert [(one["check"], one["status"]) for one in found] == [(check, status)], found
    return found[0]


def paste(home, remedy, env=None):
    done = subprocess.run(
        ["bash", "-c", remedy], env=env or home.environment, cwd=home.root, capture_output=True, text=True, timeout=60 * PATIENCE
    )
    assert done.returncode == 0, done
    return done.stdout


def everything(root):
    """Every path below, with what a change of it would change. Without the lines of time stamps that reading changes."""
    found = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        found[str(path)] = (info.st_mode, info.st_size, info.st_mtime_ns)
    return found


def test_where_all_is_well_it_says_so(home):
    assert problems(home) == []
    answer = home.cli("doctor")
    assert answer.code == 0 and answer.out.endswith("All checks passed.\n"), answer


@pytest.mark.parametrize("well", [True, False])
def test_it_starts_nothing_and_changes_nothing(home, well):
    if not well:
        home.config.unlink()
        (home.home / ".claude.json").unlink()
    before = everything(home.root)
    assert home.cli("doctor").code == 0
    assert everything(home.root) == before
    assert home.supervisors() == []


def test_the_remedy_stands_alone_on_its_line(home):
    home.config.unlink()
    lines = home.cli("doctor").out.splitlines()
    assert "      agent-dispatch init" in lines, lines
    assert lines[-1] == "1 warning, nothing that fails.", lines


def test_a_program_that_is_not_on_path_is_named_by_its_path(home):
    home.config.unlink()
    env = home.env(PATH=f"{home.bin}:/usr/bin:/bin")
    found = problem(home, "config", "warning", env=env)
    paste(home, found["remedy"], env)
    assert problem(home, "agents", "warning", env=env)


# --- the CLI ---


def test_no_cli(home):
    (home.bin / "claude").unlink()
    problem(home, "cli", "failure")


def test_a_cli_that_is_too_old(home):
    write_claude(home, CLAUDE.replace("2.1.329", "2.0.1").replace('["--version"]:', '["update"]:\n    Path(__file__).write_text(Path(__file__).read_text().replace("2.0.1", "2.1.329"))\nelif words == ["--version"]:'))
    found = problem(home, "cli", "failure")
    assert "2.0.1" in found["message"], found
    paste(home, found["remedy"])
    assert problems(home) == []


def test_a_cli_that_cannot_be_executed(home):
    write_claude(home, "#!/nowhere/interpreter\n")
    problem(home, "cli", "failure")


def test_a_cli_that_is_stopped_is_told_in_seconds(home):
    write_claude(home, "#!/bin/sh\nkill -STOP $$\n")
    begun = time.monotonic()
    problem(home, "cli", "failure")
    assert time.monotonic() - begun < 20 * PATIENCE


def test_something_else_named_claude(home):
    write_claude(home, "#!/bin/sh\necho 'clau the elf, version 7'\n")
    found = problem(home, "cli", "warning")
    assert "clau the elf" in paste(home, found["remedy"])


def test_no_login(home):
    del home.environment["ANTHROPIC_API_KEY"]
    problem(home, "login", "warning")
    place = home.home / ".claude"
    place.mkdir()
    (place / ".credentials.json").write_text('{"claudeAiOauth": {"accessToken": "x"}}')
    assert problems(home) == []
    elsewhere = home.env(CLAUDE_CONFIG_DIR=str(home.root / "elsewhere"))
    assert {one["check"] for one in problems(home, env=elsewhere)} == {"login", "registration"}


# --- registration ---


def test_not_registered(home):
    (home.home / ".claude.json").unlink()
    found = problem(home, "registration", "warning")
    paste(home, found["remedy"])
    assert problems(home) == []


@pytest.mark.parametrize("command, status", [("/nowhere/agent-dispatch", "failure"), ("/bin/true", "warning")])
def test_registered_with_another_path(home, command, status):
    server = {"type": "stdio", "command": command, "args": ["serve"]}
    (home.home / ".claude.json").write_text(json.dumps({"mcpServers": {"agent-dispatch": server}}))
    found = problem(home, "registration", status)
    assert command in found["message"], found
    paste(home, found["remedy"])
    assert problems(home) == []


def test_registered_by_name(home):
    server = {"type": "stdio", "command": "agent-dispatch", "args": ["serve"]}
    (home.home / ".claude.json").write_text(json.dumps({"mcpServers": {"agent-dispatch": server}}))
    assert problems(home) == []
    problem(home, "registration", "failure", env=home.env(PATH=f"{home.bin}:/usr/bin:/bin"))


def test_what_init_registers_is_good(home):
    (home.home / ".claude.json").unlink()
    assert home.cli("init").code == 0
    assert problems(home) == []


def test_a_state_file_that_is_no_json(home):
    (home.home / ".claude.json").write_text('{"mcpServers": ')
    problem(home, "registration", "failure")


@pytest.mark.claude
def test_the_registration_of_the_real_cli_is_found(claude):
    claude.write_config({"notes": {}})
    claude.config_dir.chmod(0o700)
    begun = time.monotonic()
    found = problem(claude, "registration", "warning")
    assert time.monotonic() - begun < 5 * PATIENCE
    paste(claude, found["remedy"])
    assert problems(claude) == []
    file = claude.root / "claude-config" / ".claude.json"
    file.write_text(file.read_text().replace(str(PROGRAMS / "agent-dispatch"), "/bin/true"))
    paste(claude, problem(claude, "registration", "warning")["remedy"])
    assert problems(claude) == []


# --- configuration ---


def test_no_configuration(home):
    home.config.unlink()
    found = problem(home, "config", "warning")
    paste(home, found["remedy"])
    problem(home, "agents", "warning")


def test_no_agents(home):
    home.write_config({})
    project = home.root / "some project"
    project.mkdir()
    found = problem(home, "agents", "warning", cwd=project)
    paste(home, found["remedy"])
    assert problems(home) == []
    assert home.cli("describe", "some-project").code == 0


def test_no_agents_at_home_offers_none(home):
    home.write_config({})
    assert "remedy" not in problem(home, "agents", "warning", cwd=home.home)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_configuration(home, case):
    content, named = BROKEN[case]
    home.config.write_bytes(content if isinstance(content, bytes) else content.encode())
    mended = home.root / "mended.yaml"
    mended.write_text(f"agents:\n  a:\n    directory: {home.root}\n")
    found = problem(home, "config", "failure")
    assert str(home.config) in found["message"] and (named or "") in found["message"], found
    env = home.env(VISUAL=f"cp {mended}")
    paste(home, problem(home, "config", "failure", env=env)["remedy"], env)
    assert problems(home) == []


def test_a_directory_in_the_place_of_the_configuration(home):
    home.config.unlink()
    home.config.mkdir()
    found = problem(home, "config", "failure")
    paste(home, found["remedy"])
    problem(home, "agents", "warning")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_configuration_that_may_not_be_read(home):
    home.config.chmod(0)
    paste(home, problem(home, "config", "failure")["remedy"])
    assert problems(home) == []


def test_an_unknown_permission_mode(home):
    home.write_config({"notes": {"permission_mode": "fast"}}, settings={"default_permission_mode": "faster"})
    found = problems(home)
    assert [(one["check"], one["status"]) for one in found] == [("config", "warning")] * 2, found
    assert "is fast," in found[0]["message"] and "is faster," in found[1]["message"], found


def test_a_directory_that_is_gone(home):
    home.agent_directory("notes").rmdir()
    found = problem(home, "agents", "failure")
    assert "'notes'" in found["message"] and str(home.root / "agents" / "notes") in found["message"], found
    assert found["remedy"] == "agent-dispatch remove notes"
    if home.cli("remove", "nobody").code == 2:
        pytest.skip("there is no `remove` yet")
    paste(home, found["remedy"])
    problem(home, "agents", "warning")


def test_a_dangling_member(home):
    home.write_config({"notes": {}}, groups={"ops": {"members": [{"agent": "notes"}, {"agent": "ghost"}]}})
    found = problem(home, "groups", "failure")
    assert "ghost" in found["message"] and "line " in found["message"], found
    env = home.env(VISUAL="", EDITOR="sed -i s/ghost/notes/")
    paste(home, problem(home, "groups", "failure", env=env)["remedy"], env)
    assert problems(home) == []


def test_an_empty_group(home):
    home.write_config({"notes": {}}, groups={"ops": {}})
    found = problem(home, "groups", "warning")
    assert found["remedy"] == "agent-dispatch group remove ops"
    if home.cli("group", "inspect", "nothing").code == 2:
        pytest.skip("there is no `group` yet")
    paste(home, found["remedy"])
    assert problems(home) == []


# --- places and limits ---


@pytest.mark.parametrize("what", ["jobs", "state", "socket"])
def test_a_file_in_the_place_of_a_directory(home, what):
    place = {"jobs": home.jobs, "state": home.state / "agent-dispatch", "socket": home.runtime / "agent-dispatch"}[what]
    place.write_text("in the way")
    found = problem(home, f"{what}_directory", "failure")
    assert str(place) in found["message"], found
    paste(home, found["remedy"])
    assert problems(home) == []


@pytest.mark.parametrize("what", ["config", "jobs", "state", "socket"])
def test_a_directory_that_others_may_write(home, what):
    place = {
        "config": home.config_dir,
        "jobs": home.jobs,
        "state": home.state / "agent-dispatch",
        "socket": home.runtime / "agent-dispatch",
    }[what]
    place.mkdir(exist_ok=True)
    place.chmod(0o777)
    found = problem(home, f"{what}_directory", "failure")  # the jobs are in that of the configuration
    paste(home, found["remedy"])
    assert problems(home) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_directory_that_cannot_be_written(home):
    home.state.chmod(0o500)
    paste(home, problem(home, "state_directory", "failure")["remedy"])
    assert problems(home) == []


def test_few_descriptors(home):
    def run(*before):
        script = "; ".join(["ulimit -S -n 200", *before, "exec agent-dispatch doctor --json"])
        done = subprocess.run(["bash", "-c", script], env=home.environment, capture_output=True, text=True, timeout=60 * PATIENCE)
        return [check for check in json.loads(done.stdout)["checks"] if check["status"] != "ok"]

    (found,) = run()
    assert (found["check"], found["status"]) == ("descriptors", "warning"), found
    assert run(found["remedy"]) == []


def test_the_depth_of_a_run_in_a_shell(home):
    env = home.env(AGENT_DISPATCH_DEPTH="3")
    found = problem(home, "depth", "warning", env=env)
    assert paste(home, found["remedy"] + "; agent-dispatch doctor", env).endswith("All checks passed.\n")


def test_the_depth_of_a_run_is_left_alone(home):
    run = "00000000-0000-4000-8000-000000000000.1.0"
    assert problems(home, env=home.env(AGENT_DISPATCH_DEPTH="3", AGENT_DISPATCH_RUN=run)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_bypassed_permissions_as_root(home):
    home.write_config({"notes": {"permission_mode": "bypassPermissions"}})
    problem(home, "agents", "failure")


# --- the supervisor ---


@pytest.fixture
def served(home):
    """A home with a supervisor that has been idle since it was started."""
    home.cli("dispatch", "notes", stand_in.say("x"))  # how that ends is of no interest: this CLI runs nothing
    home.supervisor = home.status()["pid"]
    return home


def test_a_supervisor_that_serves(served):
    assert problems(served) == []
    assert served.status()["pid"] == served.supervisor
    wait_until(lambda: served.status()["frontends"] == 0, 10, "doctor's connection is closed")


def test_a_stopped_supervisor_is_told_in_seconds(served):
    kill(served.supervisor, 19)
    wait_until(lambda: state(served.supervisor) == "T")
    begun = time.monotonic()
    found = problem(served, "supervisor", "failure")
    assert time.monotonic() - begun < 10 * PATIENCE
    assert "stopped" in found["message"], found
    paste(served, found["remedy"])
    wait_until(lambda: problems(served) == [], 10)


def test_a_stopped_supervisor_is_found_without_its_socket(served):
    os.unlink(served.status()["socket"])
    kill(served.supervisor, 19)
    wait_until(lambda: state(served.supervisor) == "T")
    assert problem(served, "supervisor", "failure")["remedy"] == f"kill -CONT {served.supervisor}"
    kill(served.supervisor)
    wait_until(lambda: problems(served) == [], 10)


def test_a_stale_socket(served):
    served.kill_supervisor()
    found = problem(served, "supervisor", "warning")
    paste(served, found["remedy"])
    assert problems(served) == []


def test_a_supervisor_that_left_by_itself_leaves_nothing_to_tell(served):
    assert served.cli("stop").code == 0
    assert problems(served) == []


@contextlib.contextmanager
def fake(home, answer):
    """A supervisor that greets with `answer(connection)`."""
    with FakeSupervisor(home) as supervisor:

        def greet():
            with contextlib.suppress(OSError, AssertionError):
                while True:
                    stream = supervisor.accept_bare(30)
                    connection = Connection(stream)
                    supervisor.connections.append(connection)
                    answer(connection)

        threading.Thread(target=greet, daemon=True).start()
        yield supervisor


def welcome(version):
    return lambda connection: connection.send(
        "welcome", 0, {"protocol": 1, "version": version, "live_runs": 2, "queued": 1}
    )


def test_a_newer_supervisor(home):
    with fake(home, welcome("999.0.0")):
        found = problem(home, "supervisor", "warning")
        assert "999.0.0" in found["message"], found
        assert str(PROGRAMS / "agent-dispatch") in paste(home, found["remedy"])


def test_an_older_supervisor(home):
    with fake(home, welcome("0.0.1")):
        found = problem(home, "supervisor", "warning")
    assert "0.0.1" in found["message"] and "3 runs" in found["message"], found
    assert found["remedy"] == "agent-dispatch stop --keep-runs"


def test_a_supervisor_that_refuses(home):
    with fake(home, lambda connection: connection.send("refused", 0, {"error": "no"})):
        found = problem(home, "supervisor", "failure")
    assert found["remedy"] == f"kill -TERM {os.getpid()}", found


def test_what_is_no_supervisor(home):
    with fake(home, lambda connection: connection.send_bytes(b"220 mail\n")):
        problem(home, "supervisor", "failure")


def test_a_supervisor_that_says_nothing_is_told_in_seconds(home):
    with FakeSupervisor(home):
        begun = time.monotonic()
        found = problem(home, "supervisor", "failure")
        assert time.monotonic() - begun < 10 * PATIENCE
    assert found["remedy"] == f"kill -KILL {os.getpid()}", found


def test_a_supervisor_that_does_not_listen(home):
    with FakeSupervisor(home) as supervisor:
        supervisor.listener.close()
        found = problem(home, "supervisor", "warning")
    assert "does not listen" in found["message"], found


def test_a_supervisor_of_another_configuration(served):
    other = served.root / "other.yaml"
    other.write_text(served.config.read_text())
    env = served.env(AGENT_DISPATCH_CONFIG=str(other), AGENT_DISPATCH_JOBS_DIR=str(served.jobs))
    config = [one for one in problems(served, env=env) if one["check"] == "supervisor"]
    assert [one["status"] for one in config] == ["warning"], config
    paste(served, config[0]["remedy"], env)
    assert [one for one in problems(served, env=env) if one["check"] == "supervisor"] == []


def test_it_tells_the_supervisor_nothing_of_its_environment(home):
    greetings = []

    def greet(connection):
        greetings.append(connection.hello)
        welcome("999.0.0")(connection)

    with fake(home, greet):
        problem(home, "supervisor", "warning")
    assert greetings[0]["environment"] == [], greetings
