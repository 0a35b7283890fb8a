"""What a server tells of jobs unasked: subscriptions of both eras."""

import pytest

import stand_in
from mcp_schemas import HANDSHAKE_REVISIONS, STATELESS_REVISIONS
from processes import wait_until

NEWEST = STATELESS_REVISIONS[-1]
TASKS = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
UPDATED = "notifications/resources/updated"
NO_JOB = "0" * 32


@pytest.fixture
def configured(home):
    home.write_config({"notes": {"max_parallel": 8}})
    return home


@pytest.fixture
def client(configured):
    return stateless(configured)


def stateless(home, capabilities=None):
    client = home.serve(initialize=False)
    client.stateless = NEWEST
    client.capabilities = capabilities or {}
    return client


def begin(client, task):
    return client.value("dispatch_async", {"agent": "notes", "task": task})["job_id"]


def listen(client, **filter):
    """A subscription that has been acknowledged, and to what."""
    opened = client.start("subscriptions/listen", {"notifications": filter})
    told = client.wait_notification(lambda m: m["method"] == ACKNOWLEDGED and m["params"]["_meta"][SUBSCRIPTION] == opened.identity)
    return opened, told["params"]["notifications"]


def told_of(client, identity, method=None):
    """What a subscription was told after its beginning."""
    its = [m for _, m in client.notifications if m["params"].get("_meta", {}).get(SUBSCRIPTION) == identity]
    assert its[0]["method"] == ACKNOWLEDGED
    assert [m["method"] for m in its].count(ACKNOWLEDGED) == 1
    return [m for m in its[1:] if method in (None, m["method"])]


def test_a_subscription_tells_when_a_job_changes_and_when_it_ends(client, configured):
    gate = configured.root / "gate"
    job = begin(client, stand_in.wait_for(gate, "done"))
    uri = f"job://{job}"
    opened, agreed = listen(client, resourceSubscriptions=[uri, uri, "agent://notes", "job://nonsense", f"job://{NO_JOB}"], toolsListChanged=True)
    assert agreed == {"resourceSubscriptions": [uri]}
    before = len(told_of(client, opened.identity))
    gate.touch()
    assert client.value("dispatch_wait", {"job_id": job})["status"] == "done"
    client.wait_change(lambda: len(told_of(client, opened.identity)) > before, what="a last update")
    assert all(m["method"] == UPDATED and m["params"]["uri"] == uri for m in told_of(client, opened.identity))
    assert not opened.answered()


def test_what_is_not_there_is_not_agreed_to(client):
    _, agreed = listen(client, resourceSubscriptions=[f"job://{NO_JOB}"], promptsListChanged=True)
    assert agreed == {}


def test_a_cancelled_subscription_is_silent_and_has_no_answer(client, configured):
    gate = configured.root / "gate"
    job = begin(client, stand_in.wait_for(gate, "done"))
    first, _ = listen(client, resourceSubscriptions=[f"job://{job}"])
    second, _ = listen(client, resourceSubscriptions=[f"job://{job}"])
    client.cancel(first)
    client.request("tools/list")
    silent_from = len(told_of(client, first.identity))
    before = len(told_of(client, second.identity))
    gate.touch()
    client.wait_change(lambda: len(told_of(client, second.identity)) > before)
    assert client.value("dispatch_wait", {"job_id": job})["status"] == "done"
    assert len(told_of(client, first.identity)) == silent_from and not first.answered()


@pytest.mark.parametrize(
    "filter",
    [None, [], 3, {"resourceSubscriptions": "x"}, {"resourceSubscriptions": [1]}, {"taskIds": {}}, {"resourceSubscriptions": ["x"] * 1001}],
    ids=["none", "array", "number", "text", "number in it", "object", "too many"],
)
def test_a_filter_that_is_none_is_refused(configured, filter):
    client = stateless(configured, TASKS)
    answer = client.request("subscriptions/listen", {} if filter is None else {"notifications": filter})
    assert answer["error"]["code"] == -32602


def test_tasks_are_told_of_only_to_who_knows_them(client):
    answer = client.request("subscriptions/listen", {"notifications": {"taskIds": []}})
    assert answer["error"]["code"] == -32021
    assert answer["error"]["data"] == {"requiredCapabilities": TASKS}


def test_a_subscription_outlives_the_supervisor(client, configured):
    gate = configured.root / "gate"
    job = begin(client, stand_in.wait_for(gate, "done"))
    opened, _ = listen(client, resourceSubscriptions=[f"job://{job}"])
    for _ in range(4):  # more often than a request may be in flight at a death
        before = len(told_of(client, opened.identity))
        configured.kill_supervisor()
        client.wait_change(lambda: len(told_of(client, opened.identity)) > before, what="news from the next supervisor")
    before = len(told_of(client, opened.identity))
    gate.touch()
    assert client.value("dispatch_wait", {"job_id": job})["status"] == "done"
    client.wait_change(lambda: len(told_of(client, opened.identity)) > before)
    assert not opened.answered()


def test_a_stop_ends_a_subscription_with_an_answer(client, configured):
    job = begin(client, stand_in.say("done"))
    client.value("dispatch_wait", {"job_id": job})
    opened, _ = listen(client, resourceSubscriptions=[f"job://{job}"])
    assert configured.cli("stop").code == 0
    result = opened.wait()["result"]
    assert result["resultType"] == "complete" and result["_meta"][SUBSCRIPTION] == opened.identity


def test_an_open_subscription_keeps_no_client_from_leaving(client, configured):
    job = begin(client, stand_in.hang())
    listen(client, resourceSubscriptions=[f"job://{job}"])
    assert client.close() == 0
    assert configured.cli("cancel", job).code == 0


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
def test_a_handshake_session_subscribes_resources(configured, revision):
    client = configured.serve(initialize=False)
    assert client.initialize(revision)["capabilities"]["resources"]["subscribe"] is True
    gate = configured.root / "gate"
    job = begin(client, stand_in.wait_for(gate, "done"))
    uri = f"job://{job}"
    updates = lambda: [m for _, m in client.notifications if m["method"] == UPDATED]
    assert client.request("resources/subscribe", {"uri": uri})["result"] == {}
    assert client.request("resources/subscribe", {"uri": uri})["result"] == {}
    configured.kill_supervisor()
    client.request("tools/list")
    before = len(updates())
    gate.touch()
    assert client.value("dispatch_wait", {"job_id": job})["status"] == "done"
    client.wait_change(lambda: len(updates()) > before)
    assert all(m["params"] == {"uri": uri} for m in updates())
    later = begin(client, stand_in.say("more"))
    assert client.request("resources/subscribe", {"uri": f"job://{later}"})["result"] == {}
    assert client.request("resources/unsubscribe", {"uri": f"job://{later}"})["result"] == {}
    assert client.request("resources/subscribe", {"uri": "agent://notes"})["error"]["code"] == -32602
    assert client.request("resources/subscribe", {"uri": f"job://{NO_JOB}"})["error"]["code"] == -32002
    assert client.request("resources/subscribe", {})["error"]["code"] == -32602
    assert client.request("subscriptions/listen", {"notifications": {}})["error"]["code"] == -32601


def test_what_was_unsubscribed_is_not_told(configured):
    client = configured.serve(initialize=False)
    client.initialize(HANDSHAKE_REVISIONS[-1])
    gate = configured.root / "gate"
    job, other = (begin(client, stand_in.wait_for(gate, "done")) for _ in range(2))
    for each in (job, other):
        client.request("resources/subscribe", {"uri": f"job://{each}"})
    client.request("resources/unsubscribe", {"uri": f"job://{job}"})
    configured.kill_supervisor()
    client.request("tools/list")
    silent_from = len(client.notifications)
    gate.touch()
    client.value("dispatch_wait", {"job_id": job})
    client.value("dispatch_wait", {"job_id": other})
    client.wait_change(lambda: len(client.notifications) > silent_from)
    assert {m["params"]["uri"] for _, m in client.notifications[silent_from:]} == {f"job://{other}"}


def test_the_end_of_a_job_that_no_supervisor_has_seen_is_told(configured):
    client = configured.serve(initialize=False)
    client.initialize(HANDSHAKE_REVISIONS[-1])
    gate = configured.root / "gate"
    job = begin(client, stand_in.wait_for(gate, "done"))
    client.request("resources/subscribe", {"uri": f"job://{job}"})
    configured.freeze_supervisor()
    gate.touch()
    wait_until(lambda: not configured.agents_running())
    silent_from = len(client.notifications)
    configured.kill_supervisor()
    client.wait_change(lambda: any(m["method"] == UPDATED for _, m in client.notifications[silent_from:]), what="that it has ended")


def test_a_handover_keeps_a_session_s_subscriptions(configured):
    client = configured.serve(initialize=False)
    client.initialize(HANDSHAKE_REVISIONS[-1])
    gate = configured.root / "gate"
    job = begin(client, stand_in.wait_for(gate, "done"))
    client.request("resources/subscribe", {"uri": f"job://{job}"})
    assert configured.cli("stop", "--keep-runs").code == 0
    silent_from = len(client.notifications)
    gate.touch()
    client.wait_change(lambda: any(m["method"] == UPDATED for _, m in client.notifications[silent_from:]), what="news of the next supervisor's")
    assert client.value("dispatch_wait", {"job_id": job})["status"] == "done"


def test_unsubscribing_at_once_is_unsubscribing(configured):
    client = configured.serve(initialize=False)
    client.initialize(HANDSHAKE_REVISIONS[-1])
    gate = configured.root / "gate"
    job = begin(client, stand_in.wait_for(gate, "done"))
    uri = {"uri": f"job://{job}"}
    both = [client.start(f"resources/{method}", uri) for method in ("subscribe", "unsubscribe")]
    assert [each.wait()["result"] for each in both] == [{}, {}]
    gate.touch()
    assert client.value("dispatch_wait", {"job_id": job})["status"] == "done"
    assert not [m for _, m in client.notifications if m["method"] == UPDATED]
