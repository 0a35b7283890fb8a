"""What the commands about jobs make of a supervisor's answers: of one that says what the test tells it to."""

import json
import signal
import threading

import pytest

from scripted_supervisor import Gone, ScriptedSupervisor
from test_doctor import fake
from test_jobs_offline import number, record, store


def scripted(home, answers):
    """A supervisor with one answer for each method; a list is used up from its beginning."""

    def answer(method, params, note):
        given = answers[method]
        if isinstance(given, list):
            given = given.pop(0)
        return given(params, note) if callable(given) else given

    return ScriptedSupervisor(home, answer)


def gone(params, note):
    raise Gone


def test_rows_and_records_come_from_the_supervisor(home):
    row = {"id": number(7), "agent": "shop", "status": "running", "task": "t", "created_at": 1.7e9}
    with scripted(home, {"jobs": [[row], [], {"error": "no luck"}], "job": record(7, "done")}) as supervisor:
        assert home.cli("jobs", "--json", "--status", "Running", "--limit", "3").json() == [row]
        assert "no jobs" in home.cli("jobs").out
        refused = home.cli("jobs")
        assert refused.code == 1 and "no luck" in refused.err, refused
        assert home.cli("job", "7", "--json").json() == record(7, "done")
    assert supervisor.calls[0] == ("jobs", {"status": "running", "limit": 3})
    assert supervisor.calls[1] == ("jobs", {"status": "", "limit": 20})
    assert supervisor.calls[3] == ("job", {"id": "7"})


@pytest.mark.parametrize("answer", [5, "text", None, {}, [1, {"id": 5}], {"id": 5}])
def test_answers_that_make_no_sense_crash_nothing(home, answer):
    store(home, record(1, "running"))
    methods = ("jobs", "job", "cancel_job", "gc", "wait", "follow", "retry", "dispatch_async")
    with scripted(home, dict.fromkeys(methods, lambda params, note: answer)):
        for words in (["jobs"], ["job", "1"], ["gc"], ["cancel", number(1)], ["wait", number(1)], ["follow", number(1)],
                      ["retry", number(1)], ["dispatch", "shop", "t", "--async"]):  # fmt: skip
            printed = home.cli(*words)
            assert printed.code == (0 if words == ["jobs"] and isinstance(answer, list) else 1), printed
            assert "cannot be read" in printed.err or printed.code == 0, printed


def test_a_cancel_goes_to_the_supervisor_by_the_whole_id(home):
    store(home, record(1, "running"))
    answer = {"job_id": number(1), "outcome": "cancelled_running", "status": "cancelled"}
    with scripted(home, {"cancel_job": answer}) as supervisor:
        assert home.cli("cancel", "0", "--json").json() == answer
        text = home.cli("cancel", "0")
        assert text.code == 0 and number(1) in text.out and "cancelled" in text.out, text
    assert supervisor.calls == [("cancel_job", {"id": number(1)})] * 2


def test_gc_asks_with_days_or_all(home):
    with scripted(home, {"gc": {"purged": 3, "max_age_days": 2.5}}) as supervisor:
        assert home.cli("gc", "--days", "2.5", "--json").json() == {"purged": 3, "max_age_days": 2.5}
        assert "3 records" in home.cli("gc", "--all").out
    assert supervisor.calls == [("gc", {"max_age_days": 2.5}), ("gc", {"all": True})]


def test_a_job_is_accepted_and_its_id_printed(home):
    home.write_config({"shop": {}})
    accepted = {"job_id": number(9), "status": "pending", "agent": "shop"}
    refusal = {"error": "Unknown agent: 'foo'. Available: shop"}
    with scripted(home, {"dispatch_async": [accepted, accepted, refusal], "retry": accepted}) as supervisor:
        store(home, record(1, "failed"))
        text = home.cli("dispatch", "shop", "a task", "--async", "--goal", "g", "--timeout", "60")
        assert text.code == 0 and text.out == number(9) + "\n" and "follow" in text.err, text
        assert home.cli("dispatch", "shop", "a task", "--async", "--json").json() == accepted
        refused = home.cli("dispatch", "foo", "a task", "--async")
        assert refused.code == 1 and refusal["error"] in refused.err, refused
        assert home.cli("retry", "0000", "--json").json() == accepted
    method, params = supervisor.calls[0]
    assert method == "dispatch_async" and params["agent"] == "shop" and params["goal"] == "g"
    assert params["timeout_seconds"] == 60 and supervisor.calls[3] == ("retry", {"id": number(1)})


def test_waiting_ends_with_the_last_job(home):
    store(home, record(1, "done"), record(2, "running"), record(3, "running"))
    with scripted(home, {"wait": [record(2, "done"), record(3, "failed")]}) as supervisor:
        answer = home.cli("wait", number(1), number(2), number(3))
        assert answer.code == 1 and [line.split()[1] for line in answer.out.splitlines()] == ["done", "done", "failed"]
    assert supervisor.calls == [("wait", {"id": number(i), "timeout_seconds": 0}) for i in (2, 3)]


def test_waiting_that_is_given_up_exits_with_124(home):
    store(home, record(1, "failed"), record(2, "running"))
    given_up = record(2, "running") | {"timed_out_waiting": True}
    with scripted(home, {"wait": given_up}) as supervisor:
        answer = home.cli("wait", number(1), number(2), "--timeout", "50")
        assert answer.code == 124 and number(2) in answer.err, answer
        assert home.cli("wait", number(2), "--timeout", "50", "--json").json() == given_up
    assert all(49 < params["timeout_seconds"] <= 50 for _, params in supervisor.calls)


def test_a_job_outlives_the_supervisor_that_was_asked(home):
    store(home, record(1, "running"))
    with scripted(home, {"wait": [gone, gone, record(1, "done")], "follow": [gone, record(1, "done")]}):
        assert home.cli("wait", number(1)).code == 0
        assert home.cli("follow", number(1)).out == "answer 1\n"
    with scripted_again(home, {"wait": gone}) as supervisor:
        answer = home.cli("wait", number(1))
        assert answer.code == 1 and answer.err, answer
    assert len(supervisor.calls) == 3


def scripted_again(home, answers):
    (home.root / "scripted.sock").unlink()
    return scripted(home, answers)


def test_following_shows_progress_and_then_the_result(home):
    store(home, record(1, "running"))

    def follow(params, note):
        for text in ("Using tool: Read", "two\x1b lines"):
            note(text)
        return record(1, "done")

    with scripted(home, {"follow": follow}):
        answer = home.cli("follow", number(1))
        assert answer.code == 0 and answer.out == "answer 1\n", answer
        assert "Using tool: Read\ntwo  lines\n" in answer.err, answer
        assert home.cli("follow", number(1), "--json").json() == record(1, "done")
    with scripted_again(home, {"follow": record(1, "cancelled") | {"error": "the reason"}}):
        cancelled = home.cli("follow", number(1))
        assert cancelled.code == 1 and "the reason" in cancelled.err, cancelled


@pytest.mark.parametrize("command", ["wait", "follow"])
@pytest.mark.parametrize("interrupt", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_the_job_alone_and_says_so(home, command, interrupt):
    store(home, record(1, "running"))
    asked, interrupted = threading.Event(), threading.Event()

    def hold(params, note):
        asked.set()
        interrupted.wait(30)
        raise Gone

    with scripted(home, {command: hold}) as supervisor:
        process = home.start(command, number(1))
        assert asked.wait(30)
        process.send_signal(interrupt)
        answer = home.finish(process)
        interrupted.set()
    assert answer.code == 130 and "goes on" in answer.err, answer
    assert [method for method, _ in supervisor.calls] == [command], json.dumps(supervisor.calls)


def rejects(connection):
    connection.welcome()
    number, message = connection.expect("msg")
    connection.send("answer", number, {"jsonrpc": "2.0", "id": message["id"], "error": {"code": 1, "message": 7}})


@pytest.mark.parametrize(
    ("greet", "said"),
    [
        (lambda connection: connection.send("refused", 0, {"error": 7}), "refuses this frontend"),
        (lambda connection: connection.send("welcome", 0, {"protocol": "one"}), "no supervisor of ours"),
        (lambda connection: connection.send("welcome", 0, {"protocol": 1, "version": 7}), "no supervisor of ours"),
        (rejects, "rejected the call"),
    ],
    ids=["refused", "protocol", "version", "rejected"],
)
def test_a_supervisor_whose_words_are_of_other_types_is_an_error(home, greet, said):
    with fake(home, greet):
        answer = home.cli("dispatch", "shop", "task")
        assert answer.code == 1 and said in answer.err, answer
