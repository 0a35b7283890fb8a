"""Example configurations as people have them (`data/`): each key has the effect that README.md's table says.

`example-0.3.0.yaml` and `example-0.8.0.yaml` are what the Python program's own documentation shows; `all-keys.yaml` has what they lack.
"""

import json
import re
import time
from pathlib import Path

import pytest

import stand_in
from documents import quoted, table
from processes import wait_until

DATA = Path(__file__).parent / "data"
EXAMPLES = ["example-0.3.0", "example-0.8.0"]
EXERCISED = set()
"""The keys whose effect a test of this file looks at."""


def exercises(*keys):
    EXERCISED.update(keys)
    return lambda test: test


# --- the examples, and hands that edit them ---


@pytest.fixture
def home(make_home):
    """A home with the directories that the examples name."""
    home = make_home()
    for name in ("infra", "web", "other"):
        (home.home / "projects" / name).mkdir(parents=True)
    return home


def use(home, name):
    """Takes an example for the configuration, to the letter."""
    home.config.write_bytes((DATA / f"{name}.yaml").read_bytes())


@pytest.fixture(params=EXAMPLES)
def example(home, request):
    """A home with one of the two examples."""
    use(home, request.param)
    return home


@pytest.fixture
def ours(home):
    """A home with the keys that the examples lack."""
    use(home, "all-keys")
    return home


def edit(home, before, after):
    """Replaces the only occurrence of a text in the configuration."""
    text = home.config.read_text()
    assert text.count(before) == 1, (before, text)
    home.config.write_text(text.replace(before, after))


def uncomment(home, *keys):
    """Takes the `# ` off `# key: …` and off the list below it, as the examples invite to."""
    text = home.config.read_text()
    for key in keys:
        lines, inside = text.split("\n"), False
        for number, line in enumerate(lines):
            inside = bool(re.match(rf" *# {key}:", line)) or (inside and bool(re.match(r" *#   - ", line)))
            if inside:
                lines[number] = line.replace("# ", "", 1)
        assert (changed := "\n".join(lines)) != text, (key, text)
        text = changed
    home.config.write_text(text)


# --- what a run was started with ---


def started_with(home, agent="infra", env=None, **arguments):
    """(what the CLI was started with, the DispatchResult) of one dispatch."""
    place = home.root / f"record-{time.monotonic_ns()}.json"
    task = stand_in.steps({"record": str(place)}, {"text": "recorded"})
    client = home.serve(env=env)
    result = client.value("dispatch", {"agent": agent, "task": task, **arguments})
    client.close()
    return json.loads(place.read_text()) if place.exists() else None, result


def option(seen, name):
    """The values that an option was given."""
    words = seen["argv"]
    return [words[at + 1] for at, word in enumerate(words) if word == name]


def variables(seen):
    return dict(entry.partition("=")[::2] for entry in seen["environment"])


def timeout_of_a_run(home, agent="infra"):
    """Seconds that a dispatch to this agent may take, as its live run has it."""
    client = home.serve()
    pending = client.start_call("dispatch", {"agent": agent, "task": stand_in.hang()})
    wait_until(home.agents_running)
    (run,) = home.run_directories()
    seconds = json.loads((run / "run.json").read_text())["timeout_seconds"]
    client.cancel(pending)
    wait_until(lambda: not home.run_directories())
    client.close()
    return seconds


def agent_of(home, name="infra"):
    return next(agent for agent in home.cli("list", "--json").json() if agent["name"] == name)


# --- the examples as they are ---


@pytest.mark.parametrize("name", [*EXAMPLES, "all-keys"])
def test_an_example_loads_and_its_agent_answers(home, name):
    use(home, name)
    seen, result = started_with(home)
    assert result["success"] is True and result["result"] == "recorded", result
    assert agent_of(home)["healthy"] is True
    assert home.config.read_bytes() == (DATA / f"{name}.yaml").read_bytes(), "nobody writes to it unasked"


@pytest.mark.parametrize("name", EXAMPLES)
def test_doctor_finds_nothing_wrong_with_an_example(home, name):
    use(home, name)
    checks = home.cli("doctor", "--json").json()["checks"]
    assert {check["status"] for check in checks if check["check"] in ("config", "agents", "groups")} == {"ok"}, checks


@exercises("settings.cache.enabled", "settings.cache.ttl", "settings.cache.max_size")
@pytest.mark.parametrize("name", [*EXAMPLES, "all-keys"])
def test_an_edit_by_a_command_keeps_every_other_line_of_an_example(home, name):
    use(home, name)
    before = home.config.read_text().split("\n")
    assert home.cli("update", "infra", "--description", "changed").code == 0
    after = home.config.read_text().split("\n")
    assert len(after) == len(before)
    changed = [(old, new) for old, new in zip(before, after) if old != new]
    assert len(changed) == 1 and "description" in changed[0][0] and "changed" in changed[0][1], changed


def test_wrong_values_in_the_cache_block_are_refused_with_their_line(home):
    for key, wrong in (("enabled: true", "enabled: 7"), ("ttl: 300", "ttl: -1"), ("ttl: 300 ", "max_size: 0 ")):
        use(home, "example-0.3.0")
        edit(home, key, wrong)
        line = home.config.read_text().split(wrong)[0].count("\n") + 1
        answer = home.cli("list")
        assert answer.code == 1 and f":{line}: " in answer.err and "settings.cache." in answer.err, answer


# --- agents ---


@exercises("agents.NAME.directory")
def test_a_directory_with_a_tilde_is_below_home_and_is_where_the_run_works(example):
    seen, _ = started_with(example)
    assert agent_of(example)["directory"] == seen["directory"] == str(example.home / "projects" / "infra")


@exercises("agents.NAME.description")
def test_a_description_is_listed_and_in_no_prompt(example):
    seen, _ = started_with(example)
    assert agent_of(example)["description"] == "Infrastructure agent. MCP: portainer."
    assert "portainer" not in seen["stdin"] and not any("portainer" in word for word in seen["argv"])


@exercises("agents.NAME.timeout")
def test_a_timeout_ends_the_run(example):
    assert timeout_of_a_run(example) == 300
    edit(example, "    timeout: 300 ", "    timeout: 1 ")
    result = example.dispatch("infra", stand_in.hang())
    assert result["error_type"] == "timeout" and "timed out after 1 s" in result["error"], result


@exercises("settings.default_timeout")
def test_a_timeout_of_0_is_the_default_of_the_settings(example):
    edit(example, "    timeout: 300 ", "    timeout: 0 ")
    assert timeout_of_a_run(example) == 300
    edit(example, "default_timeout: 300", "default_timeout: 1")
    result = example.dispatch("infra", stand_in.hang())
    assert result["error_type"] == "timeout" and "timed out after 1 s" in result["error"], result


def test_an_agent_without_a_timeout_has_300_seconds_whatever_the_settings_say(ours):
    assert timeout_of_a_run(ours, "infra") == 300
    assert timeout_of_a_run(ours, "web") == 120, "0 is settings.default_timeout"


@exercises("agents.NAME.model")
def test_a_model_is_the_clis_option(example):
    assert option(started_with(example)[0], "--model") == []
    uncomment(example, "model")
    assert option(started_with(example)[0], "--model") == ["sonnet"]


@exercises("agents.NAME.max_budget_usd")
def test_a_budget_is_the_clis_option_and_what_costs_more_is_told(example):
    assert option(started_with(example)[0], "--max-budget-usd") == []
    uncomment(example, "max_budget_usd")
    assert [float(value) for value in option(started_with(example)[0], "--max-budget-usd")] == [1.0]
    dear = example.dispatch("infra", stand_in.steps({"cost": 1.25}, {"text": "dear"}))
    assert dear["success"] is True and dear["budget_exceeded"] is True and "$1.25" in dear["hint"], dear
    assert "budget_exceeded" not in example.dispatch("infra", stand_in.steps({"cost": 1.0}, {"text": "cheap"}))


@exercises("agents.NAME.permission_mode")
def test_a_permission_mode_is_the_clis_option(example):
    assert option(started_with(example)[0], "--permission-mode") == []
    uncomment(example, "permission_mode")
    mode = agent_of(example)["permission_mode"]
    assert mode in ("auto", "bypassPermissions")
    assert option(started_with(example)[0], "--permission-mode") == [mode]


@exercises("agents.NAME.allowed_tools", "settings.default_allowed_tools")
def test_allowed_tools_are_absent_empty_or_exactly_these(example):
    assert option(started_with(example)[0], "--allowedTools") == []
    uncomment(example, "default_allowed_tools")
    assert option(started_with(example)[0], "--allowedTools") == ["Bash", "Read", "Edit"], "absent: inherited"
    assert "allowed_tools" not in agent_of(example)
    uncomment(example, "allowed_tools")
    assert option(started_with(example)[0], "--allowedTools") == ["Read", "Grep"], "a list: exactly these"
    assert agent_of(example)["allowed_tools"] == ["Read", "Grep"]
    assert example.cli("update", "infra", "--allowed-tools", ",").code == 0
    assert option(started_with(example)[0], "--allowedTools") == [], "an empty list: none, whatever the settings have"
    assert agent_of(example)["allowed_tools"] == []
    assert example.cli("update", "infra", "--allowed-tools", "none").code == 0
    assert option(started_with(example)[0], "--allowedTools") == ["Bash", "Read", "Edit"], "absent again"


@exercises("agents.NAME.disallowed_tools")
def test_disallowed_tools_are_the_clis_options(example):
    assert option(started_with(example)[0], "--disallowedTools") == []
    uncomment(example, "disallowed_tools")
    assert option(started_with(example)[0], "--disallowedTools") == ["Write"]
    assert agent_of(example)["disallowed_tools"] == ["Write"]


@exercises("settings.default_disallowed_tools")
def test_disallowed_tools_are_inherited_unless_they_are_given(ours):
    assert option(started_with(ours)[0], "--disallowedTools") == ["Write"]
    edit(ours, "max_parallel: 2\n", "max_parallel: 2\n    disallowed_tools: [Bash, Edit]\n")
    assert option(started_with(ours)[0], "--disallowedTools") == ["Bash", "Edit"]
    edit(ours, "[Bash, Edit]", "[]")
    assert option(started_with(ours)[0], "--disallowedTools") == []


@exercises("agents.NAME.capabilities", "agents.NAME.risky_capabilities")
def test_capabilities_are_listed_and_never_given_to_the_cli(home):
    use(home, "example-0.8.0")
    seen, _ = started_with(home)
    for shown in (agent_of(home), home.serve().value("inspect_agent", {"name": "infra"})):
        assert shown["capabilities"] == ["docker_logs", "deploy_debug"] and shown["risky_capabilities"] == ["restart_services"]
    said = json.dumps([seen["argv"], seen["stdin"]])
    assert not any(label in said for label in ("docker_logs", "deploy_debug", "restart_services"))


def test_the_examples_command_sets_the_capabilities(home):
    use(home, "example-0.3.0")
    assert "capabilities" not in agent_of(home)
    options = ["--capabilities", "docker_logs,deploy_debug", "--risky-capabilities", "restart_services"]
    assert home.cli("update", "infra", *options).code == 0
    assert agent_of(home)["capabilities"] == ["docker_logs", "deploy_debug"]
    assert agent_of(home)["risky_capabilities"] == ["restart_services"]


def hang_of(number):
    """Runs that are the same and under way at once could be one run."""
    return stand_in.steps({"hang": True, "number": number})


@exercises("agents.NAME.max_parallel")
def test_an_agent_has_as_many_runs_at_a_time_as_it_may(ours):
    client = ours.serve()
    calls = [client.start_call("dispatch", {"agent": "infra", "task": hang_of(number)}) for number in range(3)]
    wait_until(lambda: len(ours.agents_running()) == 2 and ours.status()["queued"] == 1)
    assert ours.status()["slots"] == {"used": 2, "max": 3}, "it is the agent that lets no more in"
    for call in calls:
        client.cancel(call)
    wait_until(lambda: ours.status()["live_runs"] == 0)


# --- groups ---


@exercises("groups.NAME.shared_context", "groups.NAME.description", "groups.NAME.members[].use_for")
def test_what_a_group_shares_is_in_the_prompt_and_the_rest_is_not(ours):
    seen, _ = started_with(ours, context="From me.", group="ops")
    assert seen["stdin"].index("'ops'") < seen["stdin"].index("The stack is called blue.") < seen["stdin"].index("From me.")
    assert "Ask infra first." not in seen["stdin"] and "servers, containers" not in seen["stdin"]
    plain, _ = started_with(ours, context="From me.", group="")
    assert plain["stdin"].startswith("Context:\nFrom me.\n\nTask:\n")
    group = ours.serve().value("inspect_group", {"name": "ops"})
    assert group["description"] == "Ask infra first." and group["members"][0]["use_for"] == "servers, containers"


@exercises("groups.NAME.members[].agent")
def test_only_members_are_dispatched_to_in_a_group_and_one_that_is_no_agent_is_flagged(ours):
    _, refused = started_with(ours, agent="web", group="ops")
    assert "not a member" in refused["error"], refused
    (group,) = ours.serve().value("list_groups")
    assert [member.get("unknown") for member in group["members"]] == [None, True] and group["member_count"] == 2
    answer = ours.cli("doctor", "--json")
    assert answer.code == 1 and "retired" in answer.out, answer


# --- settings ---


@exercises("settings.default_max_budget_usd")
def test_a_budget_is_inherited_where_there_is_none_or_0(ours):
    for agent in ("infra", "web"):
        assert [float(value) for value in option(started_with(ours, agent)[0], "--max-budget-usd")] == [2.5]
    assert ours.cli("update", "web", "--max-budget", "0.5").code == 0
    assert [float(value) for value in option(started_with(ours, "web")[0], "--max-budget-usd")] == [0.5]


@exercises("settings.default_permission_mode")
def test_a_permission_mode_is_inherited_unless_it_is_given(example):
    uncomment(example, "default_permission_mode")
    assert option(started_with(example)[0], "--permission-mode") == ["bypassPermissions"]
    assert "permission_mode" not in agent_of(example)
    assert example.cli("update", "infra", "--permission-mode", "plan").code == 0
    assert option(started_with(example)[0], "--permission-mode") == ["plan"]


@exercises("settings.max_dispatch_depth")
def test_agents_dispatch_to_agents_only_so_deep(example):
    seen, _ = started_with(example)
    assert variables(seen)["AGENT_DISPATCH_DEPTH"] == "1"
    seen, _ = started_with(example, env=example.env(AGENT_DISPATCH_DEPTH="2"))
    assert variables(seen)["AGENT_DISPATCH_DEPTH"] == "3"
    seen, refused = started_with(example, env=example.env(AGENT_DISPATCH_DEPTH="3"))
    assert seen is None and refused["error_type"] == "recursion", refused
    edit(example, "max_dispatch_depth: 3", "max_dispatch_depth: 4")
    assert started_with(example, env=example.env(AGENT_DISPATCH_DEPTH="3"))[1]["success"] is True


@exercises("settings.max_concurrency")
def test_five_runs_are_live_at_once_and_the_sixth_waits(example):
    names = ["infra", "b", "c", "d", "e", "f"]
    clients = [example.serve(), example.serve()]
    for name in names[1:]:
        assert clients[0].value("add_agent", {"name": name, "directory": "~/projects/other"})["added"] == name
    calls = [(clients[at % 2], name) for at, name in enumerate(names)]
    calls = [(client, client.start_call("dispatch", {"agent": name, "task": stand_in.hang()})) for client, name in calls]
    wait_until(lambda: len(example.agents_running()) == 5 and example.status()["queued"] == 1)
    assert example.status()["slots"] == {"used": 5, "max": 5}, "of all sessions together"
    for client, call in calls:
        client.cancel(call)
    wait_until(lambda: example.status()["live_runs"] == 0)


def age(home, ident, days):
    record = home.record(ident)
    for key in ("created_at", "started_at", "completed_at"):
        record[key] -= days * 86_400
    home.record_file(ident).write_text(json.dumps(record))


@exercises("settings.job_retention_days")
def test_records_over_their_days_are_deleted_when_a_supervisor_starts(ours):
    young, old = (ours.job("infra", stand_in.say(text)) for text in ("young", "old"))
    for job in (young, old):
        ours.ended_job(job)
    assert ours.cli("stop").code == 0
    age(ours, young, 29)
    age(ours, old, 31)
    edit(ours, "job_retention_days: 30", "job_retention_days: 0")
    assert ours.dispatch("infra", stand_in.say("one"))["success"]
    assert ours.cli("stop").code == 0
    assert ours.record_file(old).exists(), "0 keeps them"
    edit(ours, "job_retention_days: 0", "job_retention_days: 30")
    assert ours.dispatch("infra", stand_in.say("two"))["success"]
    wait_until(lambda: not ours.record_file(old).exists())
    assert ours.record_file(young).exists()


@exercises("settings.idle_exit_seconds")
def test_an_idle_supervisor_ends_by_itself_after_so_long(ours):
    assert ours.dispatch("infra", stand_in.say("x"))["success"]
    assert ours.supervisors(), "0 is never"
    edit(ours, "idle_exit_seconds: 0", "idle_exit_seconds: 1")
    assert ours.dispatch("infra", stand_in.say("y"))["success"]
    wait_until(lambda: not ours.supervisors(), 20, "the idle supervisor is gone")


@exercises("settings.confirm_risky")
def test_who_cannot_be_asked_about_a_risky_agent_is_told_so_when_it_is_on(ours):
    assert ours.cli("update", "infra", "--risky-capabilities", "restarts").code == 0
    client = ours.serve()
    assert "hint" not in client.value("dispatch", {"agent": "infra", "task": stand_in.say("x")})
    edit(ours, "confirm_risky: false", "confirm_risky: true")
    assert "confirm_risky" in client.value("dispatch", {"agent": "infra", "task": stand_in.say("y")})["hint"]


# --- all of them ---


def test_every_key_that_the_reference_has_is_exercised_here():
    assert EXERCISED == {quoted(row[0])[0] for row in table("README.md", "key", "default", "meaning")}
