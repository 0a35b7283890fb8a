"""Changing agents.yaml: the tools over MCP, the commands, and many of both at once."""

import fcntl
import json
import os
import re
import stat
import threading

import pytest

import stand_in
from mcp_client import text_value
from processes import wait_until

HAND_EDITED = """\
# Mine, by hand.
future: {x: 1} # of another program
agents:
  # keeps the notes
  notes: # first
    directory: %(notes)s
    timeout: 60 # short
    future: yes

  other:
    directory: %(other)s # here

# how they work together
groups:
  team:
    description: Both
    members:
      - agent: notes
        use_for: looking things up
      - agent: other
settings:
  max_concurrency: 2 # small machine
"""


@pytest.fixture
def edited(home):
    """A configuration with comments, of two agents in one group."""
    home.config.write_text(HAND_EDITED % {name: home.agent_directory(name) for name in ("notes", "other")})
    return home


def comments(text):
    return re.findall(r"#.*", text)


# --- the tools ---


def test_an_agent_is_added_over_mcp_and_can_be_dispatched_to_from_every_session(edited):
    first, second = edited.serve(), edited.serve()
    directory = edited.agent_directory("shop")
    (directory / "CLAUDE.md").write_text("# Shop\n\nSells things.\n")
    before = edited.config.read_text()
    added = first.value("add_agent", {"name": "shop", "directory": str(directory)})
    assert added == {"added": "shop", "directory": str(directory), "description": "Sells things."}
    assert [agent["name"] for agent in second.value("list_agents")] == ["notes", "other", "shop"]
    assert second.value("dispatch", {"agent": "shop", "task": stand_in.say("open")})["result"] == "open"
    assert second.value("inspect_agent", {"name": "shop"})["timeout"] == 300
    assert comments(edited.config.read_text()) == comments(before)
    assert [agent["name"] for agent in edited.cli("list", "--json").json()] == ["notes", "other", "shop"]


def test_add_agent_takes_all_its_parameters(home):
    home.agent_directory("shop")
    given = {
        "name": "shop",
        "directory": "agents/shop",  # from where the client is
        "description": "none",
        "timeout": 42,
        "max_budget_usd": 1.5,
        "permission_mode": "plan",
        "allowed_tools": "Bash, Read",
        "disallowed_tools": ",",
        "capabilities": "sell,buy",
        "risky_capabilities": "pay",
    }
    assert home.serve().value("add_agent", given) == {
        "added": "shop",
        "directory": str(home.agent_directory("shop")),
        "description": "none",
        "permission_mode": "plan",
        "allowed_tools": ["Bash", "Read"],
        "disallowed_tools": [],
        "capabilities": ["sell", "buy"],
        "risky_capabilities": ["pay"],
    }
    shown = home.cli("describe", "shop", "--json").json()
    assert shown["timeout"] == 42 and shown["max_budget_usd"] == 1.5 and shown["disallowed_tools"] == []
    assert stat.S_IMODE(home.config.stat().st_mode) == 0o600


def test_what_cannot_be_added_is_an_error(edited):
    client = edited.serve()
    before = edited.config.read_text()
    here = str(edited.root)
    for arguments, said in [
        ({"name": "notes", "directory": here}, "already exists"),
        ({"name": "a b", "directory": here}, "'a b'"),
        ({"name": "x", "directory": str(edited.root / "gone")}, "does not exist"),
        ({"name": "x", "directory": ""}, "'directory' is required"),
        ({"name": "x", "directory": here, "timeout": -1}, "timeout"),
        ({"name": "x", "directory": here, "max_budget_usd": -1}, "max_budget_usd"),
    ]:
        result = client.call("add_agent", arguments)
        assert said in text_value(result)["error"] and result["isError"] is True, result
    assert edited.config.read_text() == before


def test_an_update_holds_from_the_next_call_of_any_session(edited):
    first, second = edited.serve(), edited.serve()
    before = edited.config.read_text()
    given = {"timeout": 90, "model": "opus", "max_budget_usd": 2, "allowed_tools": "Bash,Read", "capabilities": "find"}
    answer = first.value("update_agent", {"name": "notes"} | given)
    assert answer == {"updated": "notes", "fields": ["timeout", "max_budget_usd", "model", "allowed_tools", "capabilities"]}
    shown = second.value("inspect_agent", {"name": "notes"})
    assert shown["timeout"] == 90 and shown["model"] == "opus" and shown["allowed_tools"] == ["Bash", "Read"]
    cleared = {"model": "NONE", "allowed_tools": ",", "max_budget_usd": -1, "capabilities": "none", "description": "none"}
    answer = second.value("update_agent", {"name": "notes"} | cleared)
    assert answer["fields"] == ["description", "max_budget_usd", "model", "allowed_tools", "capabilities"]
    shown = first.value("inspect_agent", {"name": "notes"})
    assert shown["description"] == "none" and shown["allowed_tools"] == [] and shown["timeout"] == 90
    assert not shown.keys() & {"model", "max_budget_usd", "capabilities"}
    first.value("update_agent", {"name": "notes", "allowed_tools": "none"})
    assert "allowed_tools" not in second.value("inspect_agent", {"name": "notes"})
    assert comments(edited.config.read_text()) == comments(before)
    assert "timeout: 90 # short" in edited.config.read_text() and "future: yes" in edited.config.read_text()


def test_what_cannot_be_updated_or_removed_is_an_error(edited):
    client = edited.serve()
    before = edited.config.read_text()
    for tool, arguments, said in [
        ("update_agent", {"name": "foo", "timeout": 5}, "Agent 'foo' was not found. Available: notes, other"),
        ("update_agent", {"name": "notes"}, "nothing to update"),
        ("update_agent", {"name": "notes", "model": "", "timeout": 0, "max_budget_usd": 0}, "nothing to update"),
        ("update_agent", {"name": "notes", "timeout": -5}, "timeout"),
        ("remove_agent", {"name": "foo"}, "Agent 'foo' was not found. Available: notes, other"),
        ("remove_agent", {}, "'name' is required"),
        ("inspect_group", {"name": "foo"}, "Unknown group: 'foo'. Available: team"),
    ]:
        result = client.call(tool, arguments)
        assert said in text_value(result)["error"] and result["isError"] is True, result
    assert edited.config.read_text() == before


def test_a_removed_agent_is_flagged_in_its_groups(edited):
    client = edited.serve()
    removed = client.value("remove_agent", {"name": "notes"})
    assert removed["removed"] == "notes" and "team" in removed["hint"]
    assert client.value("list_groups") == [
        {
            "name": "team",
            "description": "Both",
            "shared_context_present": False,
            "member_count": 2,
            "members": [
                {"agent": "notes", "use_for": "looking things up", "unknown": True},
                {"agent": "other", "healthy": True},
            ],
        }
    ]
    group = client.value("inspect_group", {"name": "team"})
    assert group["shared_context"] == "" and group["members"][0]["unknown"] is True
    assert group["members"][1] == {"agent": "other", "directory": str(edited.agent_directory("other")), "healthy": True}
    assert client.value("dispatch", {"agent": "notes", "task": "x"})["error"] == "Unknown agent: 'notes'. Available: other"
    assert client.value("dispatch", {"agent": "other", "task": stand_in.say("here")})["result"] == "here"
    assert "# of another program" in edited.config.read_text() and "# how they work together" in edited.config.read_text()


def test_no_groups_are_an_error_with_what_to_do(home):
    home.write_config({"notes": {}})
    assert "agent-dispatch group add" in home.serve().value("list_groups")["error"]


def test_a_run_that_is_under_way_outlives_its_agents_removal(edited):
    client = edited.serve()
    go = edited.root / "go"
    running = client.start_call("dispatch", {"agent": "notes", "task": stand_in.wait_for(go, "done")})
    wait_until(edited.agents_running)
    assert client.value("remove_agent", {"name": "notes"})["removed"] == "notes"
    go.touch()
    assert text_value(running.wait()["result"])["result"] == "done"


# --- the lock ---


def test_while_the_file_is_locked_an_edit_waits_and_all_else_goes_on(edited):
    client = edited.serve()
    client.value("list_agents")
    with open(f"{edited.config}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = client.start_call("update_agent", {"name": "notes", "timeout": 77})
        assert client.value("inspect_agent", {"name": "notes"})["timeout"] == 60
        assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("meanwhile")})["result"] == "meanwhile"
        assert not waiting.answered()
    assert text_value(waiting.wait()["result"])["fields"] == ["timeout"]
    assert client.value("inspect_agent", {"name": "notes"})["timeout"] == 77


def test_a_lock_that_is_never_released_is_an_error_that_names_it(edited):
    client = edited.serve()
    before = edited.config.read_text()
    with open(f"{edited.config}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = [client.start_call("remove_agent", {"name": name}) for name in ("notes", "other")]
        command = edited.start("remove", "notes")
        answer = edited.finish(command, 30)
        assert answer.code == 1 and f"{edited.config}.lock" in answer.err and "fuser -v" in answer.err, answer
        for pending in waiting:
            assert "agents.yaml.lock" in text_value(pending.wait(15)["result"])["error"]
    assert edited.config.read_text() == before


# --- many at once ---


def test_sixteen_processes_that_edit_at_once_lose_nothing(home):
    rounds = 5
    start = {f"stays{number}": {"description": "x"} for number in range(4)} | {
        f"goes{number}-{turn}": {} for number in range(4) for turn in range(rounds)
    }
    home.write_config(start)
    # By hand, with comments, as a person would have it.
    lines = ["# kept\nagents:\n"]
    for name, agent in start.items():
        lines.append(f"  {name}: # comment of {name}\n    directory: {agent['directory']}\n    timeout: 60 # of {name}\n")
    lines.append("unknown: [1, 2] # kept too\n")
    home.config.write_text("".join(lines))

    def commands(number):
        for turn in range(rounds):
            if number < 8:
                yield ["add", f"new{number}-{turn}", str(home.root), "-d", f"by {number}"]
            elif number < 12:
                yield ["update", f"stays{number - 8}", "--timeout", str(100 * number + turn), "--model", f"m{turn}"]
            else:
                yield ["remove", f"goes{number - 12}-{turn}"]

    failures, stop, torn = [], threading.Event(), []

    def edit(number):
        for words in commands(number):
            # Each waits at most 10 s for the lock: on a slow machine that may be too little, and then says so.
            answer = home.cli(*words, seconds=120)
            while answer.code == 1 and "was held by another program" in answer.err:
                answer = home.cli(*words, seconds=120)
            if answer.code != 0:
                failures.append((words, answer))

    def read():
        while not stop.is_set():
            text = home.config.read_text()
            if not (text.startswith("# kept\n") and text.endswith("# kept too\n")):
                torn.append(text)

    reader = threading.Thread(target=read)
    editors = [threading.Thread(target=edit, args=(number,)) for number in range(16)]
    for thread in [reader, *editors]:
        thread.start()
    for thread in editors:
        thread.join()
    stop.set()
    reader.join()
    assert not failures and not torn, (failures, torn[:1])
    agents = {agent["name"]: agent for agent in home.cli("list", "--json").json()}
    assert agents.keys() == {f"stays{number}" for number in range(4)} | {
        f"new{number}-{turn}" for number in range(8) for turn in range(rounds)
    }
    for number in range(4):
        shown = home.cli("describe", f"stays{number}", "--json").json()
        assert shown["timeout"] == 100 * (number + 8) + rounds - 1 and shown["model"] == f"m{rounds - 1}"
    text = home.config.read_text()
    for number in range(4):
        assert f"  stays{number}: # comment of stays{number}\n" in text and f" # of stays{number}\n" in text
    assert sorted(os.listdir(home.config_dir)) == ["agents.yaml", "agents.yaml.lock"]


def test_edits_by_tools_and_commands_at_once_lose_nothing(home):
    home.config.write_text("# kept\nagents: {}\n")
    clients = [home.serve() for _ in range(2)]
    pending = [
        client.start_call("add_agent", {"name": f"tool{which}-{number}", "directory": str(home.root)})
        for number in range(5)
        for which, client in enumerate(clients)
    ]
    commands = [home.start("add", f"command{number}", str(home.root)) for number in range(5)]
    for command in commands:
        assert home.finish(command, 60).code == 0
    for each in pending:
        assert "added" in text_value(each.wait(60)["result"])
    names = {agent["name"] for agent in clients[0].value("list_agents")}
    assert names == {f"tool{which}-{number}" for which in range(2) for number in range(5)} | {
        f"command{number}" for number in range(5)
    }
    assert home.config.read_text().startswith("# kept\n")


# --- the file ---


def test_a_symbolic_link_is_kept(home):
    real = home.root / "dotfiles" / "agents.yaml"
    real.parent.mkdir()
    real.write_text("# mine\nagents: {}\n")
    home.config.symlink_to(real)
    assert home.cli("add", "a", str(home.root)).code == 0
    assert home.cli("update", "a", "--timeout", "5").code == 0
    assert home.serve().value("remove_agent", {"name": "a"}) == {"removed": "a"}
    assert home.config.is_symlink() and real.read_text() == "# mine\nagents: {}\n"
    assert sorted(os.listdir(real.parent)) == ["agents.yaml"] and stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_json_file_stays_json(home):
    home.write_config({"notes": {"model": "m"}}, settings={"max_concurrency": 2}, unknown=[1, {"x": None}])
    client = home.serve()
    assert client.value("add_agent", {"name": "x", "directory": str(home.root)})["added"] == "x"
    assert client.value("update_agent", {"name": "notes", "model": "none", "timeout": 8})["updated"] == "notes"
    content = json.loads(home.config.read_text())
    assert content["agents"].keys() == {"notes", "x"} and content["agents"]["notes"]["timeout"] == 8
    assert "model" not in content["agents"]["notes"] and content["unknown"] == [1, {"x": None}]
    assert client.value("remove_agent", {"name": "notes"}) == {"removed": "notes"}
    assert json.loads(home.config.read_text())["agents"].keys() == {"x"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_said_to_be_one(edited):
    edited.config_dir.chmod(0o500)
    try:
        answer = edited.cli("remove", "notes")
        assert answer.code == 1 and str(edited.config_dir) in answer.err, answer
    finally:
        edited.config_dir.chmod(0o700)
