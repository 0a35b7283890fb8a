"""Frontends whose supervisor goes away, in every order of events: the supervisor is a scripted one."""

import json
import signal
import subprocess
import threading
import time

import pytest

from fake_supervisor import FakeSupervisor, seconds_since
from harness import PROGRAMS
from processes import PATIENCE, resident_bytes, wait_until

MEBIBYTE = 1 << 20
KEPT_LIMIT = 64 * MEBIBYTE


@pytest.fixture
def fake(home):
    home.write_config({"notes": {}})
    with FakeSupervisor(home) as supervisor:
        yield supervisor


def serve(home, fake):
    """A server that is connected and has nothing to wait for. Returns it and its connection."""
    client = home.serve(initialize=False)
    return client, fake.accept()


def waiting(home, fake, **params):
    """The same with a call in flight. Returns also the call, and its number and message."""
    client, connection = serve(home, fake)
    call = client.start("tools/call", {"name": "dispatch"} | params)
    number, message = connection.expect("msg")
    return client, connection, call, number, message


# --- a supervisor's death ---


def test_a_death_before_the_welcome_is_tried_again(home, fake):
    client = home.serve(initialize=False)
    call = client.start("ping")
    for _ in range(2):
        fake.accept_bare().close()
    connection = fake.accept()
    number, message = connection.expect("msg")
    connection.result(number, message, {})
    assert call.wait()["result"] == {}


def test_three_deaths_before_the_welcome_are_an_error_and_the_next_line_tries_anew(home, fake):
    client = home.serve(initialize=False)
    call = client.start("ping")
    for _ in range(3):
        fake.accept_bare().close()
    assert "ended while it was being connected to" in call.wait()["error"]["message"]
    assert fake.nobody_comes()
    again = client.start("ping")
    connection = fake.accept()
    number, message = connection.expect("msg")
    connection.result(number, message, {})
    assert again.wait()["result"] == {}


def test_what_was_in_flight_comes_again_under_its_number_while_the_lock_is_held(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    other = client.start("ping")
    connection.expect("msg", number + 1)
    frontend = connection.frontend
    connection.die()
    while fake.nobody_comes(0.001) and not call.answered():
        assert fake.lives(frontend)
    # That connection was closed unheard.
    connection = fake.accept()
    assert connection.frontend == frontend and fake.lives(frontend)
    assert connection.expect("msg", number) == (number, message)
    _, ping = connection.expect("msg", number + 1)
    connection.result(number + 1, ping, "second")
    connection.result(number, message, "first")
    assert call.wait()["result"] == "first" and other.wait()["result"] == "second"
    assert connection.expect("ack", number + 1) and connection.expect("ack", number)


def test_half_an_answer_is_none(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    connection.send_bytes(f'answer {number} {{"jsonrpc":"2.0","id":{message["id"]},"result"'.encode())
    connection.die()
    connection = fake.accept()
    connection.expect("msg", number)
    assert not call.answered()
    connection.result(number, message, "whole")
    assert call.wait()["result"] == "whole"
    connection.expect("ack", number)
    assert client.unmatched == [] and client.garbage == []


def test_an_answer_followed_by_death_is_acknowledged_to_the_next(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    connection.result(number, message, "kept")
    connection.die()
    assert call.wait()["result"] == "kept"
    connection = fake.accept()
    again = client.start("ping")
    connection.result(*connection.expect("msg", number + 1), "pong")
    assert again.wait()["result"] == "pong" and connection.kept == (number, [])


def test_a_late_answer_to_what_is_answered_is_dropped_and_acknowledged(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    connection.result(number, message, "once")
    connection.expect("ack", number)
    connection.result(number, message, "twice")
    connection.expect("ack", number)
    assert call.wait()["result"] == "once" and client.unmatched == []


def test_the_next_session_is_told_initialize_first(home, fake):
    client, connection = serve(home, fake)
    start = client.start("initialize", {"protocolVersion": "2025-11-25"})
    number, initialize = connection.expect("msg", 1)
    connection.result(number, initialize, {"protocolVersion": "2025-11-25"})
    assert start.wait()["result"]
    connection.expect("ack", 1)
    call = client.start("tools/list")
    number, message = connection.expect("msg", 2)
    connection.die()
    connection = fake.accept()
    again, line = connection.expect("msg")
    assert connection.kept == (2, [2])
    assert line == initialize and again == 3
    connection.expect("msg", 2)
    connection.result(again, line, {"protocolVersion": "swallowed"})
    connection.result(number, message, [])
    assert call.wait()["result"] == []
    connection.expect("ack", again)
    connection.expect("ack", 2)
    assert client.unmatched == []


def test_lines_that_come_while_there_is_no_supervisor_wait_for_one(home, fake):
    client, connection = serve(home, fake)
    connection.die()
    bare = fake.accept_bare()  # the attempt is held up here
    call = client.start("ping")
    bare.close()
    connection = fake.accept()
    number, message = connection.expect("msg")
    connection.result(number, message, {})
    assert call.wait()["result"] == {}


def test_an_idle_server_connects_again_with_growing_pauses(home, fake):
    client, connection = serve(home, fake)
    pauses = []
    for _ in range(4):
        start = time.monotonic()
        connection.die()
        connection = fake.accept()
        pauses.append(seconds_since(start))
    assert all(pause >= least for pause, least in zip(pauses, [0.09, 0.19, 0.39, 0.79])), pauses


def test_a_request_that_killed_three_supervisors_is_given_up(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    connection.die()
    for _ in range(2):
        assert not call.answered()
        connection = fake.accept()
        connection.expect("msg", number)
        connection.die()
    assert "three times" in call.wait()["error"]["message"]
    connection = fake.accept()
    assert connection.expect("cancelled", number) == (number, message)
    connection.send("settled", number)
    other = client.start("ping")
    number, message = connection.expect("msg")
    connection.result(number, message, {})
    assert other.wait()["result"] == {} and client.unmatched == []


def test_a_supervisor_that_closes_after_the_client_has_left_has_not_died(home, fake):
    client, connection, call, number, _ = waiting(home, fake)
    for _ in range(2):
        connection.die()
        connection = fake.accept()
        connection.expect("msg", number)
    client.process.stdin.close()
    connection.expect("bye")
    connection.die()
    assert client.close() == 0 and not call.answered()


# --- planned ends ---


@pytest.mark.parametrize("reason", ["stopped", "handover"])
def test_an_idle_server_leaves_a_planned_end_alone_until_its_client_speaks(home, fake, reason):
    client, connection = serve(home, fake)
    connection.leave(reason)
    assert fake.nobody_comes()
    call = client.start("ping")
    connection = fake.accept()
    number, message = connection.expect("msg")
    connection.result(number, message, {})
    assert call.wait()["result"] == {}


def test_a_handover_is_followed_at_once_and_is_no_death(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    for _ in range(4):
        connection.leave("handover")
        connection = fake.accept()
        connection.expect("msg", number)
    connection.result(number, message, "in the end")
    assert call.wait()["result"] == "in the end"


def test_a_line_that_crosses_the_leave_goes_to_the_next(home, fake):
    client, connection = serve(home, fake)
    connection.send("leaving", 0, {"reason": "stopped"})
    call = client.start("ping")
    assert connection.is_silent() or connection.expect("msg")  # read before or after the leave: both are right
    connection.die()
    connection = fake.accept()
    number, message = connection.expect("msg")
    connection.result(number, message, {})
    assert call.wait()["result"] == {}


# --- cancels ---


def test_a_cancel_before_the_redial_comes_with_the_line(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    client.cancel(call)
    cancel_number, cancel = connection.expect("msg")
    assert cancel["params"]["requestId"] == message["id"]
    connection.die()
    connection = fake.accept()
    assert connection.expect("cancelled", number) == (number, message)
    connection.expect("msg", cancel_number)
    connection.send("settled", number)
    connection.send("settled", cancel_number)
    connection.die()
    assert fake.accept().is_silent() and not call.answered()


def test_a_cancel_while_there_is_no_supervisor_comes_with_the_line(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    connection.die()
    bare = fake.accept_bare()
    client.cancel(call)
    probe = client.start("ping")  # read after the cancel
    bare.close()
    connection = fake.accept()
    connection.expect("cancelled", number)
    connection.expect("msg", number + 1)
    ping, line = connection.expect("msg", number + 2)
    connection.result(ping, line, {})
    assert probe.wait()["result"] == {}


def test_a_cancel_after_the_redial_goes_its_usual_way(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    connection.die()
    connection = fake.accept()
    connection.expect("msg", number)
    client.cancel(call)
    assert connection.expect("msg", number + 1)[1]["method"] == "notifications/cancelled"
    connection.progress(number, "t", 1)
    connection.send("settled", number)
    connection.die()
    connection = fake.accept()
    connection.expect("msg", number + 1)
    assert client.notifications == [] and not call.answered()


# --- progress ---


def test_progress_goes_on_where_it_was_and_ends_with_the_answer(home, fake):
    client, connection, call, number, message = waiting(home, fake, _meta={"progressToken": "t"})
    connection.progress(number, "t", 1)
    connection.progress(number, "t", 4)
    client.wait_notification(lambda note: note["params"]["progress"] == 4)
    connection.die()
    connection = fake.accept()
    assert connection.expect("told", number) == (number, 4)
    connection.expect("msg", number)
    for count in (3, 4, 5):
        connection.progress(number, "t", count)
    connection.progress(number + 70, "t", 6)
    connection.result(number, message, "done")
    connection.progress(number, "t", 7)
    assert call.wait()["result"] == "done"
    connection.expect("ack", number)
    assert [params["progress"] for _, params in client.progress("t")] == [1, 4, 5]


# --- a client that does not read, or writes too much ---


def raw_server(home):
    """A server whose output nobody reads."""
    process = subprocess.Popen(
        [str(PROGRAMS / "agent-dispatch"), "serve"],
        env=home.environment,
        cwd=home.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    home.started.append(process)
    return process


def write_line(process, message):
    process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message).encode() + b"\n")
    process.stdin.flush()


def test_an_answer_is_acknowledged_when_the_client_has_read_it(home, fake):
    process = raw_server(home)
    connection = fake.accept()
    write_line(process, {"id": 1, "method": "ping"})
    number, message = connection.expect("msg")
    connection.result(number, message, "x" * MEBIBYTE)
    assert connection.is_silent()
    assert len(process.stdout.readline()) > MEBIBYTE
    connection.expect("ack", number)
    process.stdin.close()
    assert connection.ended() == ["bye"] or connection.die()
    connection.die()
    assert process.wait(10 * PATIENCE) == 0


def test_no_answer_is_acknowledged_to_a_client_that_is_gone(home, fake):
    process = raw_server(home)
    connection = fake.accept()
    write_line(process, {"id": 1, "method": "ping"})
    number, message = connection.expect("msg")
    connection.result(number, message, "x" * MEBIBYTE)
    process.stdout.read(100)
    process.stdout.close()
    assert "ack" not in connection.ended()
    assert process.wait(10 * PATIENCE) == 0


def test_a_client_that_does_not_read_costs_little_and_loses_nothing(home, fake):
    process = raw_server(home)
    connection = fake.accept()
    for number in range(1, 41):
        write_line(process, {"id": number, "method": "ping"})
        connection.expect("msg", number)

    def answer_all():
        for number in range(1, 41):
            connection.result(number, {"id": number}, "x" * MEBIBYTE)

    writer = threading.Thread(target=answer_all)
    before = resident_bytes(process.pid)
    writer.start()
    # Cancels and requests are read meanwhile: something is still owed.
    write_line(process, {"method": "notifications/cancelled", "params": {"requestId": 40}})
    assert connection.expect("msg")[1]["method"] == "notifications/cancelled"
    assert resident_bytes(process.pid) - before < 24 * MEBIBYTE
    ids = [json.loads(process.stdout.readline())["id"] for _ in range(40)]
    writer.join()
    assert ids == list(range(1, 41))
    for number in range(1, 41):
        connection.expect("ack", number)
    process.stdin.close()
    connection.die()
    assert process.wait(10 * PATIENCE) == 0


def test_too_much_that_waits_refuses_requests_and_still_reads_cancels(home, fake):
    client, connection = serve(home, fake)
    large = client.start("tools/call", {"x": "a" * (KEPT_LIMIT - 4096)})
    connection.expect("msg", 1, seconds=60)
    small = client.start("tools/call", {"x": "b" * 8192})
    connection.expect("msg", 2)
    assert "64 MiB" in client.request("ping", seconds=60)["error"]["message"]
    client.notify("notifications/other")
    client.cancel(large)
    _, cancel = connection.expect("msg", 3)
    assert cancel["params"]["requestId"] == large.identity
    connection.send("settled", 1)
    connection.send("settled", 3)
    connection.progress(2, "t", 1)
    client.wait_notification(lambda note: note["method"] == "notifications/progress")
    ping = client.start("ping")
    number, message = connection.expect("msg")
    connection.result(number, message, {})
    assert ping.wait()["result"] == {} and not small.answered()


# --- a supervisor that cannot be had ---


def test_the_reason_of_a_refusal_is_the_answer(home, fake):
    client = home.serve(initialize=False)
    call = client.start("ping")
    bare = fake.accept_bare()
    bare.sendall(b'refused 0 {"error": "too old, says the test"}\n')
    assert "too old, says the test" in call.wait()["error"]["message"]
    bare.close()


def test_a_supervisor_that_does_not_answer_is_named_with_a_remedy(home, fake):
    client = home.serve(initialize=False)
    call = client.start("ping")
    bare = fake.accept_bare()
    message = call.wait(30)["error"]["message"]
    assert "does not answer" in message and "kill -9" in message, message
    bare.close()


def test_a_failed_attempt_leaves_nothing_running_unnoticed(home, fake):
    """What a supervisor may have begun for an answered request is cancelled with the next one."""
    client, connection, call, number, message = waiting(home, fake)
    connection.die()
    bare = fake.accept_bare()
    bare.sendall(b'refused 0 {"error": "no"}\n')
    assert call.wait()["error"]
    bare.close()
    client.start("ping")
    connection = fake.accept()
    connection.expect("cancelled", number)
    connection.expect("msg", number + 1)


# --- leaving ---


@pytest.mark.parametrize("how", ["end of input", signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_at_once_while_it_is_connecting(home, fake, how):
    client, connection, call, number, message = waiting(home, fake)
    connection.die()
    bare = fake.accept_bare()
    start = time.monotonic()
    assert (client.close() if how == "end of input" else client.end_with(how)) == 0
    assert seconds_since(start) < 2 * PATIENCE
    bare.close()


def test_a_server_ends_at_once_between_two_attempts(home, fake):
    client, connection = serve(home, fake)
    for _ in range(4):
        connection.die()
        connection = fake.accept()
    connection.die()
    assert client.close(2) == 0


def test_lines_that_are_piped_in_are_answered(home, fake):
    process = raw_server(home)
    write_line(process, {"id": 1, "method": "ping"})
    process.stdin.close()
    connection = fake.accept()
    number, message = connection.expect("msg")
    connection.expect("bye")
    connection.result(number, message, {})
    assert json.loads(process.stdout.readline())["id"] == 1
    connection.expect("ack", number)
    connection.die()
    assert process.wait(10 * PATIENCE) == 0


def test_a_leaving_server_does_not_redial(home, fake):
    client, connection, call, number, message = waiting(home, fake)
    client.process.stdin.close()
    connection.expect("bye")
    connection.die()
    assert client.wait() == 0
    assert fake.nobody_comes(0.1) and not call.answered()


# --- inside a run ---


def test_a_nested_server_leaves_the_start_to_others_for_a_while(home):
    home.write_config({"notes": {}})
    nested = home.env(AGENT_DISPATCH_RUN="00000000-0000-4000-8000-000000000000.1.0")
    client = home.serve(env=nested, initialize=False)
    call = client.start("ping")
    time.sleep(0.5)  # it looks, and finds nobody
    assert home.supervisors() == []
    with FakeSupervisor(home) as fake:
        connection = fake.accept(5)
        number, message = connection.expect("msg")
        connection.result(number, message, {})
        assert call.wait()["result"] == {}
        assert home.supervisors() == []


# --- commands ---

ANSWER = {"agent": "notes", "success": True, "result": "here", "duration_ms": 1}


def dispatch(home, fake):
    process = home.start("dispatch", "notes", "x", "--json")
    connection = fake.accept()
    _, message = connection.expect("msg", 1)
    return process, connection, message


def test_a_command_asks_the_next_supervisor(home, fake):
    process, connection, message = dispatch(home, fake)
    frontend = connection.frontend
    connection.die()
    connection = fake.accept()
    assert connection.frontend == frontend and fake.lives(frontend)
    assert connection.expect("msg", 1) == (1, message)
    connection.result(1, message, ANSWER)
    connection.expect("ack", 1)
    assert home.finish(process).json()["result"] == "here"


def test_a_command_whose_answer_came_with_death_has_it(home, fake):
    process, connection, message = dispatch(home, fake)
    connection.result(1, message, ANSWER)
    connection.die()
    assert home.finish(process).json()["result"] == "here"


def test_a_command_that_killed_three_supervisors_fails(home, fake):
    process, connection, message = dispatch(home, fake)
    for _ in range(2):
        connection.die()
        connection = fake.accept()
        connection.expect("msg", 1)
    connection.die()
    answer = home.finish(process)
    assert answer.code == 1 and "three times" in answer.out + answer.err, answer


@pytest.mark.parametrize("order", ["cancel, death", "death, cancel"])
def test_the_cancel_of_a_command_outlives_the_supervisor(home, fake, order):
    process, connection, message = dispatch(home, fake)
    if order == "cancel, death":
        process.send_signal(signal.SIGINT)
        connection.expect("msg", 2)
        connection.die()
    else:
        connection.die()
        bare = fake.accept_bare()
        process.send_signal(signal.SIGINT)
        assert "Cancelling" in process.stderr.readline()
        bare.close()
    connection = fake.accept()
    assert connection.expect("cancelled", 1) == (1, message)
    connection.expect("msg", 2)
    cancelled = ANSWER | {"success": False, "error": "stopped", "error_type": "cancelled"}
    connection.result(1, message, cancelled)
    answer = home.finish(process)
    assert answer.code == 1 and answer.json()["error_type"] == "cancelled", answer


def test_a_cancelled_command_may_be_settled_without_an_answer(home, fake):
    process, connection, message = dispatch(home, fake)
    process.send_signal(signal.SIGINT)
    connection.expect("msg", 2)
    connection.die()
    connection = fake.accept()
    connection.expect("cancelled", 1)
    connection.send("settled", 1)
    answer = home.finish(process)
    assert answer.code == 1 and "cancelled" in answer.out, answer


def test_a_command_can_be_left_between_two_supervisors(home, fake):
    process, connection, message = dispatch(home, fake)
    process.send_signal(signal.SIGINT)
    connection.expect("msg", 2)
    connection.die()
    bare = fake.accept_bare()
    process.send_signal(signal.SIGINT)
    assert home.finish(process, 5).code == 1
    bare.close()


@pytest.mark.parametrize("words", [["status"], ["stop"]])
def test_status_and_stop_are_asked_once(home, fake, words):
    process = home.start(*words)
    connection = fake.accept()
    connection.expect("msg", 1)
    connection.die()
    answer = home.finish(process)
    assert answer.code == 1 and "ended before it could answer" in answer.err, answer
    assert fake.nobody_comes(0.3)
