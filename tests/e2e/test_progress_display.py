"""What a person sees while a command waits: one line, which is gone afterwards; and nothing of it where nobody looks."""

import re
import signal
import subprocess

import pytest

import stand_in
from fake_supervisor import FakeSupervisor
from processes import children, kill, state, wait_until
from terminal import Terminal


@pytest.fixture
def infra(home):
    home.write_config({"infra": {}, "web": {}})
    return home


def is_clean(terminal):
    """No status line is left, whole or half, and the cursor is at the beginning of a line."""
    assert terminal.line() == "", terminal.lines()
    for line in terminal.lines():
        assert not re.search(r"\d:\d\d  ", line), terminal.lines()
    assert terminal.left_modes == terminal.modes


def busy(home, agent="infra"):
    """Starts a run of this agent, which ends when the file is there that is returned."""
    gate = home.root / f"gate-{agent}"
    home.first = home.start("dispatch", agent, stand_in.wait_for(gate, "first"))
    wait_until(lambda: home.status().get("live_runs"))
    return gate


# --- dispatch ---


def test_a_queued_run_says_what_it_waits_for_then_what_it_does_then_its_answer(infra):
    gate, second = busy(infra), infra.root / "second"
    task = stand_in.steps({"tool": "Bash"}, {"wait_for": str(second)}, {"text": "the answer"})
    terminal = Terminal(infra, "dispatch", "infra", task, stdout=subprocess.PIPE)
    line = terminal.wait_for_line("queued")
    assert re.fullmatch(r"infra  0:\d\d  queued, position 1: agent 'infra' is busy \(1 of 1\)", line)
    gate.touch()
    assert re.fullmatch(r"infra  0:\d\d  Using tool: Bash", terminal.wait_for_line("Using tool"))
    second.touch()
    assert terminal.finish() == 0
    assert terminal.process.stdout.read() == b"the answer\n"
    is_clean(terminal)
    assert infra.finish(infra.first).code == 0


def test_the_time_goes_on_while_nothing_happens(infra):
    gate = infra.root / "gate"
    terminal = Terminal(infra, "dispatch", "infra", stand_in.wait_for(gate, "done"))
    first = terminal.wait_for_line("running")
    second = wait_until(lambda: (line := terminal.line()) != first and line)
    assert second.endswith("  running") and first < second
    gate.touch()
    assert terminal.finish() == 0
    is_clean(terminal)
    assert "done" in terminal.lines()


def test_a_line_of_wide_characters_is_cut_to_the_terminal(infra):
    gate = infra.root / "gate"
    task = stand_in.steps({"text": "日本語の文章" * 20}, {"wait_for": str(gate)}, {"text": "short"})
    terminal = Terminal(infra, "dispatch", "infra", task, columns=40)
    line = terminal.wait_for_line("日本語", "…")
    assert line.startswith("infra  0:") and len(terminal.lines()) == 1
    gate.touch()
    assert terminal.finish() == 0
    is_clean(terminal)


def test_the_line_follows_the_width_of_the_terminal(infra):
    gate = infra.root / "gate"
    task = stand_in.steps({"text": "word " * 50}, {"wait_for": str(gate)}, {"text": "short"})
    terminal = Terminal(infra, "dispatch", "infra", task, columns=100)
    assert len(terminal.wait_for_line("word", "…")) > 60
    terminal.resize(50)
    assert len(terminal.wait_for_line("word", "…")) < 50
    gate.touch()
    assert terminal.finish() == 0
    is_clean(terminal)
    assert terminal.lines()[0] == "short"


def test_an_agent_cannot_write_on_the_terminal(infra):
    gate = infra.root / "gate"
    task = stand_in.steps({"text": "one\n\x1b[2Jtwo\rthree\u202efour"}, {"wait_for": str(gate)}, {"text": "end"})
    terminal = Terminal(infra, "dispatch", "infra", task)
    terminal.wait_for_line("one [2Jtwo threefour")
    gate.touch()
    assert terminal.finish() == 0
    is_clean(terminal)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}, {"TERM": None}])
def test_no_escape_sequences_where_they_are_not_wanted(infra, variables):
    gate = infra.root / "gate"
    terminal = Terminal(infra, "dispatch", "--stream", "infra", stand_in.wait_for(gate, "done"), env=infra.env(**variables))
    terminal.wait_for_line("infra  0:")
    gate.touch()
    assert terminal.finish() == 0
    assert b"\x1b" not in terminal.raw
    is_clean(terminal)


def test_streamed_events_scroll_above_the_line(infra):
    gate = infra.root / "gate"
    task = stand_in.steps({"text": "hello"}, {"tool": "Read"}, {"wait_for": str(gate)}, {"text": "bye"})
    terminal = Terminal(infra, "dispatch", "--stream", "--json", "infra", task, stdout=subprocess.PIPE)
    terminal.wait_for_line("infra  0:", "Using tool: Read")
    *above, _ = terminal.lines()
    assert above == ["queued", "started", "hello", "Using tool: Read"]
    gate.touch()
    assert terminal.finish() == 0
    is_clean(terminal)


def test_without_a_terminal_there_is_the_answer_and_nothing_else(infra):
    gate = busy(infra)
    second = infra.start("dispatch", "infra", stand_in.say("second"))
    wait_until(lambda: infra.status()["queued"] == 1)
    streamed = infra.start("dispatch", "--stream", "web", stand_in.steps({"tool": "Bash"}, {"text": "third"}))
    gate.touch()
    quiet, told = infra.finish(second), infra.finish(streamed)
    assert quiet.code == 0 and quiet.out == "second\n", quiet
    assert len(quiet.err.splitlines()) == 1 and quiet.err.startswith("session "), quiet
    assert told.err.splitlines()[:-1] == ["queued", "started", "Using tool: Bash", "third"], told
    assert "\r" not in quiet.err + told.err
    infra.finish(infra.first)


def test_what_goes_to_a_file_has_no_colour_although_the_answer_goes_to_a_terminal(infra):
    with open(infra.root / "errors", "wb") as errors:
        terminal = Terminal(infra, "dispatch", "--stream", "infra", stand_in.say("hello"), stderr=errors)
        assert terminal.finish() == 0
    assert terminal.lines()[0] == "hello" and b"0:0" not in terminal.raw
    told = (infra.root / "errors").read_bytes()
    assert b"hello" in told and b"\x1b" not in told and b"\r" not in told


def test_notes_on_a_terminal_have_colour_although_the_answer_goes_to_a_file(infra):
    terminal = Terminal(infra, "dispatch", "--stream", "infra", stand_in.say("hello"), stdout=subprocess.PIPE)
    assert terminal.finish() == 0
    assert "\x1b[2m" in terminal.screen.escapes and terminal.process.stdout.read() == b"hello\n"


# --- interrupts ---


def test_ctrl_c_cancels_and_leaves_no_half_line(infra):
    terminal = Terminal(infra, "dispatch", "infra", stand_in.tell_then_hang("thinking"), stdout=subprocess.PIPE)
    terminal.wait_for_line("thinking")
    terminal.type("\x03")
    assert terminal.finish() == 1
    assert "Cancelling the run; once more to leave without its answer." in terminal.lines()
    is_clean(terminal)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGHUP])
def test_a_signal_that_ends_the_command_leaves_no_half_line(infra, number):
    terminal = Terminal(infra, "dispatch", "infra", stand_in.tell_then_hang("thinking"))
    terminal.wait_for_line("thinking")
    terminal.process.send_signal(number)
    assert terminal.finish() == -number
    is_clean(terminal)


def test_a_stopped_command_has_no_line_and_one_that_goes_on_has_it_again(infra):
    gate = infra.root / "gate"
    terminal = Terminal(infra, "dispatch", "infra", stand_in.wait_for(gate, "done"), as_job=True)
    terminal.wait_for_line("running")
    (command,) = children(terminal.process.pid)
    kill(command, signal.SIGTSTP)
    wait_until(lambda: state(command) == "T")
    wait_until(lambda: not terminal.line())
    kill(command, signal.SIGCONT)
    terminal.wait_for_line("running")
    gate.touch()
    assert terminal.finish() == 0
    is_clean(terminal)


def test_an_error_leaves_no_half_line(infra):
    with FakeSupervisor(infra) as supervisor:
        terminal = Terminal(infra, "dispatch", "infra", "work", stdout=subprocess.PIPE)
        for _ in range(3):
            connection = supervisor.accept()
            connection.expect("msg", 1)
            told = {"id": 1, "state": "queued", "position": 3, "reason": "all 5 slots are in use", "new": "ignored"}
            connection.send("note", 1, {"jsonrpc": "2.0", "method": "progress", "params": told})
            terminal.wait_for_line("infra  0:", "queued, position 3: all 5 slots are in use")
            connection.die()
        assert terminal.finish() == 1
        assert any(line.startswith("Error: the supervisor ended three times") for line in terminal.lines())
        is_clean(terminal)


# --- jobs ---


def test_waiting_for_several_jobs_names_the_one_that_is_waited_for(infra):
    gates = [infra.root / f"gate-{number}" for number in range(2)]
    jobs = [
        infra.job(agent, stand_in.steps({"cost": 0.25}, {"wait_for": str(gate)}, {"text": agent}))
        for agent, gate in zip(("infra", "web"), gates)
    ]
    terminal = Terminal(infra, "wait", *jobs)
    terminal.wait_for_line(f"infra {jobs[0][:12]}  0:", "running", "2 jobs left")
    gates[0].touch()
    terminal.wait_for_line(f"web {jobs[1][:12]}  0:", "running", "$0.25  1 job left")
    gates[1].touch()
    assert terminal.finish() == 0
    is_clean(terminal)
    done = [line for line in terminal.lines() if line]
    assert [line.split()[0] for line in done] == jobs and all(" done " in re.sub(r"\s+", " ", line) for line in done)


def test_a_job_in_a_queue_says_what_it_waits_for(infra):
    gate = busy(infra)
    job = infra.job("infra", stand_in.say("second"))
    terminal = Terminal(infra, "follow", job, stdout=subprocess.PIPE)
    terminal.wait_for_line("infra ", "queued, position 1: agent 'infra' is busy (1 of 1)")
    gate.touch()
    assert terminal.finish() == 0
    assert terminal.process.stdout.read() == b"second\n"
    is_clean(terminal)
    infra.finish(infra.first)


def test_ctrl_c_on_wait_leaves_the_job_and_no_half_line(infra):
    gate = infra.root / "gate"
    job = infra.job("infra", stand_in.wait_for(gate, "done"))
    terminal = Terminal(infra, "wait", job)
    terminal.wait_for_line("running")
    terminal.type("\x03")
    assert terminal.finish() == 130
    assert any("The job goes on." in line for line in terminal.lines())
    is_clean(terminal)
    gate.touch()
    assert infra.ended_job(job)["status"] == "done"


# --- dialogue ---


def test_a_dialogue_shows_who_speaks_and_what_it_has_cost(infra):
    first, gate = infra.root / "first", infra.root / "gate"
    turn = infra.root / "turn"  # a script in the topic itself would be cut with it
    turn.write_text(f"mkdir {first} && exec echo one; while ! test -e {gate}; do sleep 0.02; done; echo '[RESOLVED] two'")
    topic = stand_in.steps({"cost": 0.0312}, {"tool": "Grep"}, {"run": f"sh {turn}"})
    terminal = Terminal(infra, "dialogue", "infra", "web", topic, stdout=subprocess.PIPE)
    line = terminal.wait_for_line("infra ↔ web  0:", "infra: ", "$0.0312")
    assert line.endswith("  $0.0312")
    gate.touch()
    assert terminal.finish() == 0
    is_clean(terminal)


# --- the supervisor ---


def test_stop_says_whose_runs_it_waits_for(infra):
    gate = busy(infra)
    queued = infra.start("dispatch", "infra", stand_in.say("second"))
    wait_until(lambda: infra.status()["queued"] == 1)
    terminal = Terminal(infra, "stop")
    terminal.wait_for_line("stop  0:", "waiting for 2 runs: infra 1 live, 1 queued")
    gate.touch()
    assert terminal.finish() == 0
    assert "The supervisor has ended." in terminal.lines()
    is_clean(terminal)
    assert infra.finish(infra.first).out == "first\n" and infra.finish(queued).out == "second\n"


def test_a_supervisor_that_is_coming_up_is_waited_for_visibly(infra):
    with FakeSupervisor(infra) as supervisor:
        supervisor.listener.close()
        terminal = Terminal(infra, "dispatch", "infra", stand_in.say("hello"))
        terminal.wait_for_line("infra  0:", "starting the supervisor …")
        terminal.type("\x03")
        assert terminal.finish() == -signal.SIGINT
        is_clean(terminal)


def test_the_next_supervisor_is_waited_for_visibly(infra):
    gate = infra.root / "gate"
    terminal = Terminal(infra, "dispatch", "infra", stand_in.wait_for(gate, "the answer"), stdout=subprocess.PIPE)
    terminal.wait_for_line("running")
    infra.kill_supervisor()
    wait_until(infra.supervisors)
    terminal.wait_for_line("infra  0:", "running")
    gate.touch()
    assert terminal.finish() == 0
    assert terminal.process.stdout.read() == b"the answer\n"
    is_clean(terminal)
