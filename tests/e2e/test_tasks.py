"""The tasks extension: a dispatch that answers with a task, which is a job."""

import json

import pytest

import stand_in
from processes import wait_until
from test_subscriptions import NEWEST, NO_JOB, TASKS, listen, stateless, told_of

INVALID_PARAMS = -32602
MISSING_CAPABILITY = -32021


@pytest.fixture
def configured(home):
    home.write_config({"notes": {"max_parallel": 8}}, settings={"max_concurrency": 8})
    return home


@pytest.fixture
def client(configured):
    return stateless(configured, TASKS)


def begin(client, task, tool="dispatch", **arguments):
    result = client.call(tool, {"agent": "notes", "task": task, **arguments})
    assert result["resultType"] == "task" and result["status"] == "working", result
    return result["taskId"]


def look(client, task):
    return client.request("tasks/get", {"taskId": task})["result"]


def end(client, task):
    """The task, once it has ended."""
    client.value("dispatch_wait", {"job_id": task})
    return look(client, task)


def test_the_server_says_that_it_knows_tasks(client):
    assert client.request("server/discover")["result"]["capabilities"]["extensions"] == TASKS["extensions"]


@pytest.mark.parametrize("tool", ["dispatch", "dispatch_session", "dispatch_stream"])
def test_a_dispatch_is_a_task_whose_result_is_the_answer(client, configured, tool):
    gate = configured.root / "gate"
    task = begin(client, stand_in.wait_for(gate, "blue"), tool)
    running = look(client, task)
    assert running["resultType"] == "complete" and running["status"] == "working" and "result" not in running
    assert running["ttlMs"] is None and running["pollIntervalMs"] > 0
    gate.touch()
    ended = end(client, task)
    assert ended["status"] == "completed"
    assert ended["createdAt"] <= ended["lastUpdatedAt"] and ended["createdAt"].endswith("Z")
    result = ended["result"]
    assert result["resultType"] == "complete" and "isError" not in result
    assert result["structuredContent"]["result"] == "blue" and result["structuredContent"]["success"] is True
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


def test_a_task_tells_what_its_job_does_last(client, configured):
    gate = configured.root / "gate"
    result = client.call("dispatch", {"agent": "notes", "task": stand_in.steps({"text": "one"}, {"text": "two"}, {"wait_for": str(gate)}, {"text": "x"})})
    assert result["createdAt"] > "2026" and result["lastUpdatedAt"] >= result["createdAt"]
    listen(client, taskIds=[result["taskId"]])
    client.wait_notification(lambda m: m["method"] == "notifications/tasks" and m["params"].get("statusMessage") == "two")
    assert look(client, result["taskId"])["statusMessage"] == "two"
    gate.touch()
    end(client, result["taskId"])


def test_a_run_that_failed_is_a_task_that_completed(client):
    ended = end(client, begin(client, stand_in.steps({"exit": 3})))
    assert ended["status"] == "completed"
    assert ended["result"]["structuredContent"]["success"] is False


def test_a_task_can_be_cancelled_and_again(client):
    task = begin(client, stand_in.hang())
    for _ in range(2):
        assert client.request("tasks/cancel", {"taskId": task})["result"]["resultType"] == "complete"
    ended = end(client, task)
    assert ended["status"] == "cancelled" and "result" not in ended


def test_an_update_that_nobody_asked_for_is_acknowledged(client):
    task = begin(client, stand_in.say("done"))
    answer = client.request("tasks/update", {"taskId": task, "inputResponses": {"x": {"action": "accept"}}})
    assert answer["result"]["resultType"] == "complete"


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
@pytest.mark.parametrize("task", [NO_JOB, "nonsense", "", 7, None])
def test_a_task_that_there_is_not_is_a_wrong_parameter(client, method, task):
    params = {"inputResponses": {}} | ({} if task is None else {"taskId": task})
    assert client.request(method, params)["error"]["code"] == INVALID_PARAMS


@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel", "tasks/update"])
def test_a_client_that_does_not_know_tasks_has_none(configured, method):
    client = stateless(configured)
    error = client.request(method, {"taskId": NO_JOB, "inputResponses": {}})["error"]
    assert error["code"] == MISSING_CAPABILITY and error["data"] == {"requiredCapabilities": TASKS}
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("at once")})["result"] == "at once"


def test_only_the_request_that_declares_tasks_is_answered_with_one(client):
    begin(client, stand_in.say("one"))
    client.capabilities = {}
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("two")})["result"] == "two"


def test_handshake_clients_have_no_tasks(configured):
    client = configured.serve(initialize=False)
    client.capabilities = TASKS
    client.initialize()
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("plain")})["result"] == "plain"
    assert client.request("tasks/get", {"taskId": NO_JOB})["error"]["code"] == -32601


def test_what_is_known_is_answered_at_once(client, configured):
    counter = configured.root / "runs"
    script = stand_in.steps(stand_in.count(counter), {"text": "once"})
    end(client, begin(client, script))
    again = client.value("dispatch", {"agent": "notes", "task": script})
    assert again["result"] == "once" and again["cached"] is True
    assert stand_in.executions(counter) == 1


def test_two_that_ask_for_the_same_have_a_task_each(client, configured):
    gate = configured.root / "gate"
    tasks = {begin(client, stand_in.wait_for(gate, "same")) for _ in range(2)}
    assert len(tasks) == 2
    gate.touch()
    assert {end(client, task)["status"] for task in tasks} == {"completed"}


def test_an_agent_at_work_waits_for_its_answer(configured):
    """With one slot, which it lends to the run that it waits for."""
    client = configured.serve(initialize=False, env=configured.env(AGENT_DISPATCH_RUN="00000000-0000-4000-8000-000000000000.1.0"))
    client.stateless, client.capabilities = NEWEST, TASKS
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("waited for")})["result"] == "waited for"


def test_a_ref_is_answered_with_a_ref(client):
    value = client.value("dispatch", {"agent": "notes", "task": stand_in.say("long"), "return_ref": True})
    assert value["summary"] == "long"


def test_a_call_that_is_refused_is_no_task(client):
    result = client.call("dispatch", {"agent": "nobody", "task": "x"})
    assert result["isError"] is True and result["resultType"] == "complete"


def test_a_task_outlives_its_connection_and_the_supervisor(client, configured):
    gate, counter = configured.root / "gate", configured.root / "runs"
    task = begin(client, stand_in.steps(stand_in.count(counter), {"wait_for": str(gate)}, {"text": "kept"}))
    wait_until(lambda: stand_in.executions(counter) == 1, what="the agent works")
    assert client.close() == 0
    configured.kill_supervisor()
    later = stateless(configured, TASKS)
    assert look(later, task)["status"] == "working"
    opened, agreed = listen(later, taskIds=[task, NO_JOB, "nonsense"])
    assert agreed == {"taskIds": [task]}
    gate.touch()
    last = later.wait_notification(lambda m: m["method"] == "notifications/tasks" and m["params"]["status"] != "working")
    assert last["params"]["result"]["structuredContent"]["result"] == "kept"
    assert all(m["params"]["taskId"] == task for m in told_of(later, opened.identity))
    assert {k: v for k, v in last["params"].items() if k != "_meta"} == {
        k: v for k, v in look(later, task).items() if k not in ("_meta", "resultType")
    }
    assert stand_in.executions(counter) == 1


def test_who_listens_to_a_task_that_has_ended_hears_it_at_once(client):
    task = begin(client, stand_in.say("early"))
    end(client, task)
    opened, _ = listen(client, taskIds=[task])
    client.wait_change(lambda: told_of(client, opened.identity))
    (only,) = told_of(client, opened.identity)
    assert only["params"]["status"] == "completed"


def test_a_cancelled_task_is_told(client):
    task = begin(client, stand_in.hang())
    listen(client, taskIds=[task])
    client.request("tasks/cancel", {"taskId": task})
    client.wait_notification(lambda m: m["method"] == "notifications/tasks" and m["params"]["status"] == "cancelled")


def test_a_job_that_another_program_ends_is_a_task_that_has_ended(client, configured):
    task = begin(client, stand_in.hang())
    configured.wait_for_status(task, "running")
    record = configured.record(task) | {"status": "cancelled", "completed_at": 1.0}
    place = configured.record_file(task)
    (place.parent / "new").write_text(json.dumps(record))
    (place.parent / "new").rename(place)
    assert look(client, task)["status"] == "cancelled"
    assert configured.cli("stop", "--now").code == 0


def test_any_job_is_a_task(client, configured):
    job = client.value("dispatch_async", {"agent": "notes", "task": stand_in.say("mine")})["job_id"]
    assert end(client, job)["result"]["structuredContent"]["result"] == "mine"
    assert NEWEST == client.stateless
