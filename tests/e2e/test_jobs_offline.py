"""The commands about jobs where no supervisor runs: the records themselves answer, and none is started."""

import json
import os
import stat
import time

import pytest

RETENTION = 7 * 86400


def number(value):
    return f"{value:032x}"


def record(ident, status, **more):
    """A record as the Python program writes it, created `ident` seconds after a fixed time unless told otherwise."""
    made = {"id": number(ident), "agent": "shop", "task": f"task {ident}", "status": status, "created_at": 1.7e9 + ident}
    if status != "pending":
        made["started_at"] = made["created_at"] + 1
    if status in ("done", "failed", "cancelled"):
        made["completed_at"] = made["created_at"] + 2
    if status == "done":
        made["result"] = {"agent": "shop", "success": True, "result": f"answer {ident}", "cost_usd": 0.25}
    if status == "failed":
        made["error"] = f"error {ident}"
    return made | more


def store(home, *records):
    home.jobs.mkdir(mode=0o700, exist_ok=True)
    for made in records:
        path = home.jobs / f"{made['id']}.json"
        path.write_text(json.dumps(made))
        path.chmod(0o600)


def stored(home, ident):
    return json.loads((home.jobs / f"{number(ident)}.json").read_text())


def names(home):
    return sorted(path.name for path in home.jobs.iterdir() if path.suffix == ".json")


@pytest.fixture
def home(make_home):
    """A home in which no command may start a supervisor."""
    home = make_home()
    yield home
    assert not home.supervisors(), "a supervisor was started"
    assert not (home.jobs / ".supervisor").exists()


def test_no_jobs_are_no_failure_and_make_nothing(home):
    answer = home.cli("jobs")
    assert answer.code == 0 and "no jobs" in answer.out, answer
    assert home.cli("jobs", "--json").json() == []
    assert not home.jobs.exists()


def test_jobs_are_listed_newest_first(home):
    store(home, record(1, "done"), record(3, "pending"), record(2, "failed"))
    rows = home.cli("jobs", "--json").json()
    assert [row["id"] for row in rows] == [number(3), number(2), number(1)]
    assert rows[0] == {"id": number(3), "agent": "shop", "status": "pending", "task": "task 3", "created_at": 1.7e9 + 3}
    assert rows[2]["success"] is True and rows[2]["cost_usd"] == 0.25
    table = home.cli("jobs")
    assert table.code == 0 and "\x1b" not in table.out
    lines = table.out.splitlines()
    assert len(lines) == 4 and [line.split()[1] for line in lines[1:]] == ["pending", "failed", "done"], table
    assert "task 3" in lines[1] and "$0.25" in lines[3]


def test_jobs_are_filtered_and_limited(home):
    store(home, *(record(i, "done" if i % 2 else "running") for i in range(1, 31)))
    assert len(home.cli("jobs", "--json").json()) == 20
    assert [row["id"] for row in home.cli("jobs", "--json", "--status", "DONE", "--limit", "2").json()] == [
        number(29),
        number(27),
    ]
    assert home.cli("jobs", "--status", "failed").out.strip()


@pytest.mark.parametrize("words", [["--status", "resting"], ["--limit", "0"], ["--limit", "1001"], ["--limit", "x"]])
def test_wrong_options_of_jobs_are_wrong_usage(home, words):
    answer = home.cli("jobs", *words)
    assert answer.code == 2 and answer.err, answer


def test_text_of_others_cannot_move_the_cursor(home):
    store(home, record(1, "done", task="a\x1b[2Jb\nc", agent="sh\rop"))
    table = home.cli("jobs")
    assert "\x1b" not in table.out and "\r" not in table.out and len(table.out.splitlines()) == 2


def test_damaged_files_are_passed_over_and_left_alone(home):
    store(home, record(1, "done"))
    (home.jobs / f"{number(2)}.json").write_text('{"id": "half')
    os.mkfifo(home.jobs / f"{number(3)}.json")
    (home.jobs / f"{number(4)}.json").symlink_to("/etc/passwd")
    answer = home.cli("jobs")
    assert answer.code == 0 and "3 files" in answer.err, answer
    assert len(home.cli("jobs", "--json").json()) == 1
    assert home.cli("gc", "--all", "--json").json()["purged"] == 1
    assert names(home) == [f"{number(i)}.json" for i in (2, 3, 4)]
    shown = home.cli("job", number(2))
    assert shown.code == 1 and number(2) in shown.err, shown


def test_a_job_is_shown_by_a_prefix(home):
    store(home, record(0xABC << 116, "done", progress=["first", "second"]), record(1, "failed"))
    shown = home.cli("job", "ab")
    assert shown.code == 0, shown
    for part in ("done", "shop", "second", "$0.25", f"answer {0xABC << 116}"):
        assert part in shown.out, shown
    as_json = home.cli("job", "abc", "--json").json()
    assert as_json == stored(home, 0xABC << 116)
    assert "error 1" in home.cli("job", number(1)).out


def test_a_job_that_is_not_there_or_not_the_only_one_fails(home):
    store(home, record(1, "done"), record(2, "done"))
    for command in ("job", "cancel", "follow", "wait", "retry"):
        for ident, sentence in (("ffff", "not found"), ("../x", "not found"), ("000", "begin with")):
            answer = home.cli(command, ident)
            assert answer.code == 1 and sentence in answer.err, answer
            answer = home.cli(command, ident, "--json")
            assert answer.code == 1 and sentence in answer.json()["error"], answer


def test_a_finished_job_is_not_cancelled(home):
    store(home, record(1, "done"))
    before = stored(home, 1)
    answer = home.cli("cancel", number(1), "--json")
    assert answer.code == 0, answer
    assert {**answer.json(), "message": ""} == {
        "job_id": number(1), "outcome": "already_terminal", "status": "done", "message": "",
    }  # fmt: skip
    assert stored(home, 1) == before


def test_a_pending_job_of_the_python_program_is_cancelled_with_all_its_members(home):
    store(home, record(1, "pending", pid=4711, extra={"a": [1, None]}))
    answer = home.cli("cancel", number(1)[:31])
    assert answer.code == 0 and "cancelled" in answer.out, answer
    after = stored(home, 1)
    assert after["status"] == "cancelled" and after["error"] and after["completed_at"] > 1.7e9
    assert after["pid"] == 4711 and after["extra"] == {"a": [1, None]} and "owner" not in after
    assert stat.S_IMODE((home.jobs / f"{number(1)}.json").stat().st_mode) == 0o600


def test_a_running_job_of_the_python_program_runs_on(home):
    store(home, record(1, "running"))
    before = stored(home, 1)
    answer = home.cli("cancel", number(1), "--json")
    assert answer.code == 1, answer
    assert answer.json()["outcome"] == "running" and answer.json()["status"] == "running" and answer.json()["message"]
    assert stored(home, 1) == before


def test_gc_removes_old_finished_records_and_nothing_else(home):
    now = time.time()
    ages = {1: RETENTION + 60, 2: RETENTION - 60, 3: 60}
    for ident, age in ages.items():
        store(home, record(ident, "done", created_at=now - age - 10, completed_at=now - age))
    store(home, record(4, "pending", created_at=1.0), record(5, "running", created_at=1.0))
    assert home.cli("gc", "--json").json() == {"purged": 1, "max_age_days": 7}
    assert home.cli("gc", "--days", "0.01", "--json").json() == {"purged": 1, "max_age_days": 0.01}
    answer = home.cli("gc", "--all")
    assert answer.code == 0 and "1 record" in answer.out, answer
    assert names(home) == [f"{number(4)}.json", f"{number(5)}.json"]


@pytest.mark.parametrize("days", ["0", "-1", "nan", "inf", "x"])
def test_gc_of_no_days_is_wrong_usage(home, days):
    store(home, record(1, "done"))
    answer = home.cli("gc", "--days", days)
    assert answer.code == 2 and answer.err, answer
    assert names(home) == [f"{number(1)}.json"]


def test_finished_jobs_need_no_waiting(home):
    store(home, record(1, "done"), record(2, "done"), record(3, "failed"), record(4, "cancelled"))
    assert home.cli("wait", number(1), number(2)).code == 0
    answer = home.cli("wait", number(1), number(3), "--timeout", "60")
    assert answer.code == 1 and "failed" in answer.out, answer
    assert home.cli("wait", number(4)).code == 1
    one = home.cli("wait", number(1), "--json")
    assert one.json() == stored(home, 1)
    assert home.cli("wait", number(1), number(3), "--json").json() == [stored(home, 1), stored(home, 3)]
    assert home.cli("wait").code == 2 and home.cli("wait", number(1), "--timeout", "0").code == 2


def test_following_a_finished_job_shows_its_result(home):
    store(home, record(1, "done"), record(2, "failed"))
    answer = home.cli("follow", number(1))
    assert answer.code == 0 and answer.out == "answer 1\n", answer
    failed = home.cli("follow", number(2))
    assert failed.code == 1 and "error 2" in failed.err, failed
    assert home.cli("follow", number(2), "--json").json() == stored(home, 2)


def test_a_job_needs_a_supervisor_that_stays(home):
    home.write_config({"shop": {}})
    store(home, record(1, "done"))
    for words in (["dispatch", "shop", "hello", "--async"], ["retry", number(1)]):
        answer = home.cli("--embedded", *words)
        assert answer.code == 2 and "--embedded" in answer.err, answer
    assert home.cli("dispatch", "shop", "hello", "--async", "--stream").code == 2
