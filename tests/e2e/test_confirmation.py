"""settings.confirm_risky: a person is asked before an agent with risky capabilities may act."""

import json

import pytest

import stand_in
from mcp_client import text_value
from processes import wait_until
from test_subscriptions import NEWEST, TASKS, stateless

ASKS = {"elicitation": {}}
ELICITING = ["2025-06-18", "2025-11-25"]
SILENT = ["2024-11-05", "2025-03-26"]


@pytest.fixture
def configured(home):
    write(home, {"confirm_risky": True})
    return home


def write(home, settings):
    home.write_config({"deploy": {"risky_capabilities": ["pushes", "deletes"]}, "notes": {}}, settings=settings)


def handshake(home, revision, capabilities):
    client = home.serve(initialize=False)
    client.capabilities = capabilities
    client.initialize(revision)
    return client


def counted(home, text="done"):
    return stand_in.steps(stand_in.count(home.root / "runs"), {"text": text})


def runs(home):
    return stand_in.executions(home.root / "runs")


def call(client, home, tool="dispatch", **more):
    """A tool call of the stateless era, whole: with `inputResponses` beside its arguments."""
    arguments = {"agent": "deploy", "task": counted(home)}
    return client.request("tools/call", {"name": tool, "arguments": arguments, **more})["result"]


def question(client):
    return client.wait_notification(lambda m: m["method"] == "elicitation/create")


@pytest.mark.parametrize("capabilities", [ASKS, {"elicitation": {"form": {}}}, {"elicitation": {"form": {}, "url": {}}}], ids=str)
def test_a_stateless_client_is_asked_by_the_result(configured, capabilities):
    client = stateless(configured, capabilities)
    asked = call(client, configured)
    assert asked["resultType"] == "input_required"
    wanted = asked["inputRequests"]["confirm"]
    assert wanted["method"] == "elicitation/create"
    assert "'deploy' (pushes, deletes)" in wanted["params"]["message"]
    assert runs(configured) == 0
    declined = call(client, configured, inputResponses={"confirm": {"action": "decline"}})
    assert declined["isError"] is True and "did not agree" in text_value(declined)["error"]
    assert runs(configured) == 0
    done = call(client, configured, inputResponses={"confirm": {"action": "accept", "content": {}}})
    assert text_value(done)["success"] is True and "hint" not in text_value(done)
    assert runs(configured) == 1


@pytest.mark.parametrize("answer", [{"action": "cancel"}, {"action": 1}, {}, "accept", None, {"other": {"action": "accept"}}], ids=str)
def test_what_is_no_consent_is_none(configured, answer):
    client = stateless(configured, ASKS)
    responses = answer if isinstance(answer, dict) and "other" in answer else {"confirm": answer}
    result = call(client, configured, inputResponses=responses)
    assert result.get("isError") is True or result["resultType"] == "input_required"
    assert runs(configured) == 0


@pytest.mark.parametrize("revision", ELICITING)
def test_a_handshake_client_is_asked_by_a_request(configured, revision):
    client = handshake(configured, revision, ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    asked = question(client)
    assert "'deploy' (pushes, deletes)" in asked["params"]["message"] and not pending.answered()
    client.send({"jsonrpc": "2.0", "id": "other", "result": {"action": "accept"}})
    client.request("tools/list")
    assert not pending.answered() and runs(configured) == 0
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {}}})
    assert text_value(pending.wait()["result"])["success"] is True
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {}}})
    client.request("tools/list")
    assert runs(configured) == 1


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_who_declines_is_obeyed(configured, action):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    client.send({"jsonrpc": "2.0", "id": question(client)["id"], "result": {"action": action}})
    assert pending.wait()["result"]["isError"] is True
    assert runs(configured) == 0


def test_a_client_that_cannot_ask_after_all_goes_on_and_says_so(configured):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    client.send({"jsonrpc": "2.0", "id": question(client)["id"], "error": {"code": -32601, "message": "no"}})
    value = text_value(pending.wait()["result"])
    assert value["success"] is True and "confirm_risky" in value["hint"]


@pytest.mark.parametrize("revision, capabilities", [*((r, ASKS) for r in SILENT), *((r, {}) for r in ELICITING), (ELICITING[-1], {"elicitation": {"url": {}}})])
def test_a_handshake_client_that_cannot_ask_is_told_in_the_hint(configured, revision, capabilities):
    client = handshake(configured, revision, capabilities)
    value = client.value("dispatch", {"agent": "deploy", "task": counted(configured)})
    assert value["success"] is True and "'deploy' (pushes, deletes)" in value["hint"]


def test_a_stateless_client_that_cannot_ask_is_told_in_the_hint(configured):
    client = stateless(configured)
    assert "confirm_risky" in text_value(call(client, configured))["hint"]
    assert "confirm_risky" in text_value(call(client, configured, "dispatch_async"))["hint"]
    items = [{"agent": "notes", "task": stand_in.say("a")}, {"agent": "deploy", "task": stand_in.say("b")}]
    listed = client.value("dispatch_parallel", {"dispatches": json.dumps(items)})
    assert "confirm_risky" in listed[0]["hint"] and "hint" not in listed[1]


@pytest.mark.parametrize(
    "tool, arguments",
    [
        ("dispatch", {"agent": "deploy", "task": "x"}),
        ("dispatch_session", {"agent": "deploy", "task": "x"}),
        ("dispatch_stream", {"agent": "deploy", "task": "x"}),
        ("dispatch_async", {"agent": "deploy", "task": "x"}),
        ("dispatch_parallel", {"dispatches": '[{"agent": "notes", "task": "x"}, {"agent": "deploy", "task": "x"}]'}),
        ("dispatch_parallel", {"dispatches": '[{"agent": "notes", "task": "x"}]', "aggregate": "deploy"}),
        ("dispatch_dialogue", {"requester": "notes", "responder": "deploy", "topic": "x"}),
    ],
)
def test_every_tool_that_lets_agents_act_asks(configured, tool, arguments):
    client = stateless(configured, ASKS)
    assert client.call(tool, arguments)["resultType"] == "input_required"


def test_nobody_is_asked_about_agents_without_risks_or_when_it_is_off(configured):
    client = stateless(configured, ASKS)
    value = client.value("dispatch", {"agent": "notes", "task": stand_in.say("safe")})
    assert value["result"] == "safe" and "hint" not in value
    write(configured, {})
    assert "hint" not in text_value(call(client, configured))


def test_the_consent_comes_before_the_task(configured):
    client = stateless(configured, ASKS | TASKS)
    assert call(client, configured)["resultType"] == "input_required"
    assert call(client, configured, inputResponses={"confirm": {"action": "accept"}})["resultType"] == "task"


def test_a_task_that_nobody_confirmed_says_so(configured):
    created = call(stateless(configured, TASKS), configured)
    assert created["resultType"] == "task" and "confirm_risky" in created["statusMessage"]


def test_a_call_that_is_cancelled_while_its_user_is_asked_does_not_start(configured):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    asked = question(client)
    client.cancel(pending)
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {}}})
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("next")})["result"] == "next"
    assert runs(configured) == 0 and not pending.answered()


def test_a_client_that_leaves_while_it_is_asked_leaves_nothing(configured):
    client = handshake(configured, ELICITING[-1], ASKS)
    client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    question(client)
    assert client.close() == 0
    assert runs(configured) == 0


def test_the_next_supervisor_asks_again(configured):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    first = question(client)
    configured.kill_supervisor()
    second = client.wait_notification(lambda m: m["method"] == "elicitation/create" and m["id"] != first["id"])
    client.send({"jsonrpc": "2.0", "id": first["id"], "result": {"action": "accept", "content": {}}})
    client.request("tools/list")
    assert not pending.answered() and runs(configured) == 0
    client.send({"jsonrpc": "2.0", "id": second["id"], "result": {"action": "accept", "content": {}}})
    assert text_value(pending.wait()["result"])["success"] is True
    assert runs(configured) == 1
    assert NEWEST not in (client.revision,)


# --- deaths, stops and cancels while a person is asked, or after ---


def consented(home):
    """A call that its user has agreed to, and that runs until the gate opens."""
    client, gate = handshake(home, ELICITING[-1], ASKS), home.root / "gate"
    task = stand_in.steps(stand_in.count(home.root / "runs"), {"wait_for": str(gate)}, {"text": "paid"})
    pending = client.start_call("dispatch", {"agent": "deploy", "task": task})
    accept(client, question(client))
    wait_until(lambda: runs(home) == 1, what="it runs")
    return client, gate, pending


def accept(client, asked):
    client.send({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {}}})


def questions(client):
    return [m for _, m in client.notifications if m["method"] == "elicitation/create"]


@pytest.mark.parametrize("is_ended", [False, True], ids=["while it runs", "when it has ended"])
def test_consent_holds_for_the_next_supervisor(configured, is_ended):
    client, gate, pending = consented(configured)
    if is_ended:
        configured.freeze_supervisor()
        gate.touch()
        wait_until(lambda: not configured.agents_running())
    configured.kill_supervisor()
    gate.touch()
    assert text_value(pending.wait()["result"])["result"] == "paid"
    assert len(questions(client)) == 1 and runs(configured) == 1


def test_what_was_paid_before_it_had_to_be_confirmed_is_not_paid_again(configured):
    write(configured, {})
    client, gate = stateless(configured, ASKS), configured.root / "gate"
    task = stand_in.steps(stand_in.count(configured.root / "runs"), {"wait_for": str(gate)}, {"text": "paid"})
    pending = client.start_call("dispatch", {"agent": "deploy", "task": task})
    wait_until(lambda: runs(configured) == 1)
    write(configured, {"confirm_risky": True})
    configured.kill_supervisor()
    gate.touch()
    assert text_value(pending.wait()["result"])["result"] == "paid"
    assert runs(configured) == 1


@pytest.mark.parametrize("is_apart", [False, True], ids=["after the death", "before the death"])
def test_a_cancel_round_a_death_ends_the_run_that_was_agreed_to(configured, is_apart):
    client, gate, pending = consented(configured)
    if is_apart:
        configured.freeze_supervisor()
        client.cancel(pending)
        configured.kill_supervisor()
    else:
        configured.kill_supervisor()
        client.request("tools/list")
        client.cancel(pending)
    wait_until(lambda: not configured.agents_running(), what="the run is gone")
    client.request("tools/list")
    assert not pending.answered() and len(questions(client)) == 1


def test_a_cancelled_question_is_taken_back(configured):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    asked = question(client)
    client.cancel(pending)
    client.wait_notification(lambda m: m["method"] == "notifications/cancelled" and m["params"]["requestId"] == asked["id"])


@pytest.mark.parametrize("words", [(), ("--now",)], ids=["stop", "stop --now"])
def test_a_stop_answers_what_its_user_is_asked_about(configured, words):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    asked = question(client)
    assert configured.cli("stop", *words).code == 0
    assert "stopped" in pending.wait()["error"]["message"]
    wait_until(lambda: not configured.supervisors(), what="no supervisor is there")
    accept(client, asked)
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("next")})["result"] == "next"
    assert len(questions(client)) == 1 and runs(configured) == 0


def test_another_supervisor_asks_what_the_last_one_has_asked(configured):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    first = question(client)
    assert configured.cli("stop", "--keep-runs").code == 0
    client.wait_change(lambda: len(questions(client)) == 2)
    accept(client, first)
    accept(client, questions(client)[1])
    assert text_value(pending.wait()["result"])["success"] is True
    assert runs(configured) == 1


@pytest.mark.parametrize("answer", [{"error": {"code": -32603, "message": "the window was closed"}}, {"error": 3}, {"result": None}], ids=str)
def test_a_client_that_fails_to_ask_has_no_consent(configured, answer):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)})
    client.send({"jsonrpc": "2.0", "id": question(client)["id"], **answer})
    assert pending.wait()["result"]["isError"] is True
    assert runs(configured) == 0


def test_a_client_that_leaves_right_after_its_call_leaves_nothing_running(configured):
    """Whether it has begun or not; session_test.cpp has both orders apart."""
    for _ in range(5):
        client = handshake(configured, ELICITING[-1], {})
        client.start_call("dispatch", {"agent": "notes", "task": stand_in.hang()})
        assert client.close() == 0
        wait_until(lambda: configured.status()["live_runs"] == 0 and not configured.agents_running(), what="nothing is left running")


def test_the_user_s_silence_is_told_as_progress(configured):
    client = handshake(configured, ELICITING[-1], ASKS)
    pending = client.start_call("dispatch", {"agent": "deploy", "task": counted(configured)}, token="t")
    asked = question(client)
    client.wait_change(lambda: any("consent" in params["message"] for _, params in client.progress("t")), 25)
    accept(client, asked)
    assert text_value(pending.wait()["result"])["success"] is True
    counts = [params["progress"] for _, params in client.progress("t")]
    assert counts == sorted(set(counts))
