"""The commands a person types."""

import json
import stat

import pytest

import stand_in
from harness import ROOT


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_version_and_help(home):
    version = home.cli("--version")
    assert version.code == 0 and version.out.strip(), version
    overview = home.cli("--help")
    assert overview.code == 0
    for command in ("init", "add", "update", "remove", "list", "describe", "group", "test", "dispatch", "serve", "supervise", "status", "stop"):
        assert command in overview.out
        assert home.cli(command, "--help").code == 0, command


def test_init_makes_a_configuration_and_registers_the_server(home):
    record, config = home.root / "mcp.jsonl", home.root / "new" / "agents.yaml"
    answer = home.cli("init", env=home.env(STAND_IN_RECORD=str(record), AGENT_DISPATCH_CONFIG=str(config)))
    assert answer.code == 0, answer
    assert mode(config) == 0o600 and mode(config.parent) == 0o700
    words = [json.loads(line) for line in record.read_text().splitlines()]
    registration = next(line for line in words if "add-json" in line)
    assert "agent-dispatch" in registration and registration[-2:] == ["--scope", "user"]
    server = next(json.loads(word) for word in registration if word.startswith("{"))
    assert server["args"] == ["serve"] and server["command"].endswith("agent-dispatch")


def test_init_without_the_cli_prints_the_command(make_home):
    home = make_home(claude=None)
    answer = home.cli("init", env=home.env(PATH=str(home.bin)))
    assert answer.code == 0 and home.config.exists(), answer
    assert "claude mcp add-json agent-dispatch" in answer.out + answer.err


def test_init_keeps_a_configuration_that_is_there(home):
    home.write_config({"notes": {}})
    before = home.config.read_text()
    assert home.cli("init").code == 0
    assert home.config.read_text() == before


def test_add_describes_the_project_by_its_papers(home):
    directory = home.agent_directory("shop")
    (directory / "CLAUDE.md").write_text("# Shop\n\nSells things to people.\nIn three countries.\n")
    (directory / "Dockerfile").write_text("FROM scratch\n")
    added = home.cli("add", "shop", str(directory))
    assert added.code == 0, added
    (agent,) = home.cli("list", "--json").json()
    assert agent["name"] == "shop" and agent["directory"] == str(directory) and agent["healthy"] is True
    assert agent["description"].startswith("Sells things to people.") and "Stack: Docker" in agent["description"]
    assert mode(home.config) == 0o600


def test_add_takes_its_options(home):
    directory = home.agent_directory("shop")
    options = ["-d", "The shop", "--timeout", "42", "--model", "opus", "--max-budget", "1.5", "--permission-mode", "plan"]
    added = home.cli("add", "shop", str(directory), *options, "--allowed-tools", "Bash,Read")
    assert added.code == 0, added
    shown = home.cli("describe", "shop", "--json").json()
    assert shown["description"] == "The shop" and shown["timeout"] == 42 and shown["model"] == "opus"
    assert shown["max_budget_usd"] == 1.5 and shown["permission_mode"] == "plan" and shown["allowed_tools"] == ["Bash", "Read"]


def test_a_relative_directory_is_the_callers(home):
    home.agent_directory("shop")
    assert home.cli("add", "shop", "agents/shop").code == 0
    assert home.cli("list", "--json").json()[0]["directory"] == str(home.agent_directory("shop"))


@pytest.mark.parametrize("name", ["-x", "a b", "", "../up", "a.b", "ümlaut"])
def test_a_bad_name_is_refused(home, name):
    answer = home.cli("add", "--", name, str(home.agent_directory("shop")))
    assert answer.code in (1, 2) and answer.err, answer
    assert not home.config.exists() or "shop" not in home.config.read_text()


def test_an_agent_is_added_once(home):
    directory = str(home.agent_directory("shop"))
    assert home.cli("add", "shop", directory).code == 0
    again = home.cli("add", "shop", directory)
    assert again.code == 1 and "already exists" in again.out + again.err, again


def test_a_directory_that_is_not_there_is_refused(home):
    answer = home.cli("add", "shop", str(home.root / "nowhere"))
    assert answer.code in (1, 2) and "nowhere" in answer.out + answer.err, answer


def test_list_says_which_agents_are_well(home):
    home.write_config({"shop": {}, "lost": {"directory": str(home.root / "gone")}})
    listing = home.cli("list")
    lines = {line.split()[0]: line for line in listing.out.splitlines() if line.split()}
    assert listing.code == 0 and "\x1b" not in listing.out, "no colour where there is no terminal"
    assert "OK" in lines["shop"] and "NOT FOUND" in lines["lost"], listing


def test_describe_of_an_unknown_agent_fails(home):
    home.write_config({"shop": {}})
    answer = home.cli("describe", "foo")
    assert answer.code == 1 and "Unknown agent: 'foo'. Available: shop" in answer.out + answer.err, answer


def test_update_and_remove_change_the_file(home):
    home.write_config({"shop": {}, "other": {}}, groups={"team": {"members": [{"agent": "shop"}]}})
    updated = home.cli("update", "shop", "--model", "opus", "--allowed-tools", ",", "--json")
    assert updated.json() == {"updated": "shop", "fields": ["model", "allowed_tools"]}, updated
    shown = home.cli("describe", "shop", "--json").json()
    assert shown["model"] == "opus" and shown["allowed_tools"] == []
    removed = home.cli("remove", "shop")
    assert removed.code == 0 and "team" in removed.err, removed
    assert [agent["name"] for agent in home.cli("list", "--json").json()] == ["other"]
    again = home.cli("remove", "shop")
    assert again.code == 1 and "Agent 'shop' was not found. Available: other" in again.err, again


def test_what_add_says_of_one_that_is_there_works_when_pasted(home):
    home.write_config({"shop": {}})
    refused = home.cli("add", "shop", str(home.root)).err
    command = refused.split("Change it with: ")[1].split(" and ")[0].split()
    assert command[0] == "agent-dispatch"
    assert home.cli(*command[1:], "--timeout", "5").code == 0


def test_groups_are_made_shown_changed_and_removed(home):
    home.write_config({"shop": {"description": "sells"}, "other": {}})
    added = home.cli("group", "add", "team", "-d", "Both", "--shared-context", "We sell.", "--member", "shop", "--member", "other")
    assert added.code == 0, added
    (row,) = home.cli("group", "list", "--json").json()
    assert row["name"] == "team" and row["shared_context_present"] is True and row["member_count"] == 2
    assert home.serve().value("list_groups") == [row]
    assert home.cli("group", "update", "team", "--shared-context", "").code == 0
    shown = home.cli("group", "inspect", "team", "--json").json()
    assert shown["description"] == "Both" and shown["shared_context"] == "" and shown["members"][0]["description"] == "sells"
    assert shown == home.serve().value("inspect_group", {"name": "team"})
    home.cli("remove", "shop")
    assert "shop (unknown)" in home.cli("group", "list").out and "shop (unknown)" in home.cli("group", "inspect", "team").out
    assert home.cli("group", "remove", "team", "--json").json() == {"removed": "team"}
    assert home.cli("group", "list").code == 0
    unknown = home.cli("group", "inspect", "team")
    assert unknown.code == 1 and "Unknown group: 'team'. Available: none" in unknown.err, unknown


def test_test_dispatches_a_task_of_its_own(home):
    home.write_config({"shop": {}})
    answer = home.cli("test", "shop")
    assert answer.code == 0, answer
    own = home.cli("test", "shop", stand_in.say("my own"), "--stream")
    assert own.code == 0 and "my own" in own.out, own


def test_the_timeout_of_test_is_not_clamped(home):
    home.write_config({"shop": {}})
    answer = home.cli("test", "shop", stand_in.hang(), "--timeout", "1")
    assert answer.code == 1 and "time" in (answer.out + answer.err).lower(), answer


def test_dispatch_fails_with_its_agent(home):
    home.write_config({"shop": {}})
    answer = home.cli("dispatch", "shop", stand_in.steps({"stderr": "no luck today"}, {"exit": 3}))
    assert answer.code == 1 and "no luck today" in answer.out + answer.err, answer


def test_a_task_may_begin_with_a_dash(home):
    home.write_config({"shop": {}})
    answer = home.cli("dispatch", "shop", "--json", "--", "--help")
    assert answer.code == 0 and "--help" in answer.json()["result"], answer


def test_the_stand_in_agent_of_the_demo_says_what_it_is(make_home):
    home = make_home(claude=ROOT / "scripts" / "stand-in-agent" / "claude")
    home.write_config({"shop": {}})
    odd = 'quotes " and \\ and\ttabs,\nlines, 100 %s and ü'
    result = home.dispatch("shop", odd)
    assert result["success"] and "stand-in" in result["result"] and "No model was asked" in result["result"], result
    assert odd.replace("\t", " ") in result["result"] and result["cost_usd"] == 0
    resumed = home.serve().value(
        "dispatch_session", {"agent": "shop", "task": "x" * 5000, "session_id": result["session_id"]}
    )
    assert resumed["session_id"] == result["session_id"] and "5000 bytes" in resumed["result"], resumed
