"""`completion`: what bash, zsh and fish offer, asked of the shells themselves."""

import json
import os
import shutil
import subprocess

import pytest

import stand_in
from processes import PATIENCE

ASK = {
    # The function as bash calls it.
    "bash": """source <(agent-dispatch completion bash)
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
"$(complete -p agent-dispatch | sed 's/.*-F //; s/ .*//')"
(( ${#COMPREPLY[@]} )) && printf '%s\\n' "${COMPREPLY[@]}"; exit 0""",
    # In a line editor that is not there, with what it would be told.
    "zsh": """compdef() { entry=$1 }
_files() { print -r -- ":files $*" }
_describe() { print -rl -- "${(@P)@[-1]}" }
source <(agent-dispatch completion zsh)
words=("$@"); CURRENT=$#
$entry; exit 0""",
    "fish": """source (agent-dispatch completion fish | psub)
complete -C (string join ' ' -- $argv)""",
}
SHELLS = [pytest.param(name, marks=pytest.mark.skipif(not shutil.which(name), reason=f"there is no {name}")) for name in ASK]


def run_shell(home, shell, script, *arguments, **more):
    clean = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
    name = [] if shell == "fish" else [shell]
    done = subprocess.run(
        [shell, *clean, script, *name, *arguments],
        env=home.env(HOME=str(home.home), **more),
        cwd=home.root,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60 * PATIENCE,
    )
    assert done.returncode == 0 and done.stderr == "", done
    return done.stdout


def offered(home, shell, *words, **more):
    """What the shell offers for the last word: {word: description}; bash has no descriptions."""
    lines = run_shell(home, shell, ASK[shell], "agent-dispatch", *words, **more).splitlines()
    separator = ":" if shell == "zsh" else "\t"
    return {line.partition(separator)[0]: line.partition(separator)[2] for line in lines}


def asked(home, *words):
    """The answer of the hidden command: [(word, description)]."""
    answer = home.cli("__complete", *words)
    assert answer.code == 0 and answer.err == "", answer
    return [tuple(line.split("\t")) for line in answer.out.splitlines()]


def record(home, number, changed, **more):
    ident = f"{number:032x}"
    home.jobs.mkdir(mode=0o700, exist_ok=True)
    content = {"id": ident, "agent": "notes", "task": f"task {number}", "status": "done", "created_at": changed} | more
    home.record_file(ident).write_text(json.dumps(content))
    os.utime(home.record_file(ident), (changed, changed))
    return ident


@pytest.fixture
def home(home):
    home.write_config(
        {"notes": {"description": "Keeps: notes"}, "infra": {}}, groups={"ops": {"description": "Operations"}}
    )
    return home


@pytest.mark.parametrize("shell", SHELLS)
def test_commands(home, shell):
    found = offered(home, shell, "di")
    assert "dispatch" in found and not [word for word in found if not word.startswith("di")], found
    if shell != "bash":
        assert found["dispatch"] == "Give an agent a task and print its answer", found


@pytest.mark.parametrize("shell", SHELLS)
def test_options(home, shell):
    found = offered(home, shell, "dispatch", "--re")
    assert sorted(found) == ["--response-format", "--return-ref"], found
    assert list(offered(home, shell, "dispatch", "--response-format", "j")) == ["json"]
    assert list(offered(home, shell, "jobs", "--status", "")) == ["pending", "running", "done", "failed", "cancelled"]


@pytest.mark.parametrize("shell", SHELLS)
def test_agents(home, shell):
    found = offered(home, shell, "dispatch", "")
    assert list(found) == ["notes", "infra"], found
    if shell != "bash":
        assert found["notes"] == "Keeps: notes", found
    assert list(offered(home, shell, "describe", "in")) == ["infra"]


@pytest.mark.parametrize("shell", SHELLS)
def test_jobs(home, shell):
    old, new = record(home, 0xA1, 1000), record(home, 0xA2, 2000, status="running")
    found = offered(home, shell, "wait", "")
    assert list(found) == [new, old], found
    if shell != "bash":
        assert found[new] == "running notes: task 162", found
    assert list(offered(home, shell, "wait", new, "")) == [old]


@pytest.mark.parametrize("shell", SHELLS)
def test_directories(home, shell):
    (home.root / "some-project").mkdir()
    (home.root / "some-file").write_text("")
    found = offered(home, shell, "add", "x", "some")
    if shell == "zsh":  # its own function has the answer
        assert list(found) == [""] and found[""] == "files -/", found
    else:
        assert [word.rstrip("/") for word in found] == ["some-project"], found


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_broken_leaves_a_shell_silent(home, shell):
    home.config.write_text("agents: [unclosed\n")
    home.jobs.write_text("no directory")
    assert offered(home, shell, "dispatch", "") == {}
    assert offered(home, shell, "wait", "") == {}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_program_that_is_gone_leaves_a_shell_silent(home, shell):
    script = ASK[shell].replace("agent-dispatch completion", f"{shutil.which('agent-dispatch', path=home.environment['PATH'])} completion")
    assert run_shell(home, shell, script, "agent-dispatch", "dispatch", "", PATH="/usr/bin:/bin") == ""


def test_nothing_there_is_silence(home):
    home.config.unlink()
    for words in (["dispatch", ""], ["job", ""], ["group", "inspect", ""], ["nonsense", ""], [""] * 3, []):
        asked(home, *words)
    answer = home.cli("__complete", "dispatch", "", env=home.env(HOME=None, AGENT_DISPATCH_CONFIG=None))
    assert answer.code == 0 and answer.err == "", answer


def test_no_supervisor_is_started_and_nothing_is_made(home):
    for words in (["dispatch", ""], ["job", ""], [""]):
        asked(home, *words)
    assert home.supervisors() == [] and not home.jobs.exists() and not list(home.state.iterdir())


def test_jobs_of_a_live_supervisor_are_offered(home):
    ident = home.job("notes", stand_in.say("x"))
    home.ended_job(ident)
    assert [word for word, _ in asked(home, "job", ident[:4])] == [ident]


def test_many_jobs_are_the_latest_ones(home):
    for number in range(300):
        record(home, number, 1000 + number)
    found = [word for word, _ in asked(home, "job", "")]
    assert found == [f"{number:032x}" for number in range(299, 99, -1)]
    assert [word for word, _ in asked(home, "job", f"{3:032x}")] == [f"{3:032x}"], "an old one that is named is found"


def test_what_is_no_record_is_no_job(home):
    good = record(home, 1, 1000)
    (home.jobs / f"{2:032x}.json").write_text("{")
    (home.jobs / f"{3:032x}.json").mkdir()
    os.mkfifo(home.jobs / f"{4:032x}.json")
    (home.jobs / "notes.json").write_text("{}")
    assert [word for word, _ in asked(home, "job", "")] == [good]


def test_control_characters_stay_away_from_the_terminal(home):
    home.write_config({"notes": {"description": "one\ntwo\t\x1b[31m"}})
    assert asked(home, "describe", "") == [("notes", "one two  [31m")]


def test_the_hidden_command_is_not_told(home):
    assert "__complete" not in home.cli("--help").out
    assert "__complete" not in [word for word, _ in asked(home, "")]


def test_an_unknown_shell_is_wrong_usage(home):
    assert home.cli("completion", "tcsh").code == 2
    assert home.cli("completion").code == 2
