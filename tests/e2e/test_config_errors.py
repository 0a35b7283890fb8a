"""A broken configuration crashes nothing: each command and tool says what is wrong, where, and how to mend it."""

import os

import pytest

import stand_in

BROKEN = {
    "syntax": ("agents:\n  a:\n    directory: [unclosed\n", "line"),
    "tab": ("agents:\n\ta: 1\n", "line"),
    "a list for a map": ("- a\n- b\n", None),
    "a scalar": ("just text\n", None),
    "agents as a list": ("agents:\n  - a\n", "agents"),
    "agent without a directory": ("agents:\n  a:\n    description: x\n", "directory"),
    "agent that is no map": ("agents:\n  a: 7\n", "a"),
    "timeout that is no number": ("agents:\n  a:\n    directory: /tmp\n    timeout: soon\n", "timeout"),
    "negative timeout": ("agents:\n  a:\n    directory: /tmp\n    timeout: -1\n", "timeout"),
    "negative budget": ("agents:\n  a:\n    directory: /tmp\n    max_budget_usd: -1\n", "max_budget_usd"),
    "tools that are no list": ("agents:\n  a:\n    directory: /tmp\n    allowed_tools: 7\n", "allowed_tools"),
    "depth of zero": ("settings:\n  max_dispatch_depth: 0\n", "max_dispatch_depth"),
    "concurrency of zero": ("settings:\n  max_concurrency: 0\n", "max_concurrency"),
    "no UTF-8": (b"agents:\n  a:\n    directory: /tmp\n    description: \xff\xfe\n", None),
    "a nul byte": (b"agents:\n  a:\n    directory: /tmp\x00\n", None),
    "bad group name": ("groups:\n  'a b':\n    description: x\n", "a b"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_every_way_in_says_what_is_wrong(home, case):
    content, named = BROKEN[case]
    home.config.write_bytes(content if isinstance(content, bytes) else content.encode())
    listing = home.cli("list")
    assert listing.code == 1 and str(home.config) in listing.out + listing.err, listing
    dispatched = home.cli("dispatch", "a", "x")
    assert dispatched.code == 1 and "agents.yaml" in dispatched.out + dispatched.err, dispatched
    client = home.serve()
    for tool, arguments in [("list_agents", {}), ("dispatch", {"agent": "a", "task": "x"}), ("inspect_agent", {"name": "a"})]:
        said = client.value(tool, arguments)["error"]
        assert "agents.yaml" in said, said
        if named:
            assert named in said, said
    assert client.request("ping")["result"] == {}


def test_a_mended_file_works_at_once(home):
    home.config.write_text("agents: [unclosed\n")
    client = home.serve()
    assert "error" in client.value("list_agents")
    home.write_config({"notes": {}})
    assert client.value("dispatch", {"agent": "notes", "task": stand_in.say("mended")})["result"] == "mended"


def test_the_line_of_the_fault_is_named(home):
    home.config.write_text("agents:\n  a:\n    directory: /tmp\n    timeout: soon\n")
    answer = home.cli("list")
    assert "line 4" in answer.out + answer.err, answer


def test_no_file_is_no_agents(home):
    answer = home.cli("list")
    assert answer.code == 0, answer
    home.config.write_text("")
    assert home.cli("list").code == 0


def test_an_unreadable_file_is_said_to_be_one(home):
    home.config.mkdir()
    answer = home.cli("list")
    assert answer.code == 1 and str(home.config) in answer.out + answer.err, answer


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_we_may_not_read_is_said_to_be_one(home):
    home.write_config({"a": {}})
    home.config.chmod(0)
    answer = home.cli("list")
    assert answer.code == 1 and str(home.config) in answer.out + answer.err, answer


def test_a_missing_directory_is_not_found(home):
    home.write_config({"lost": {"directory": str(home.root / "gone")}})
    result = home.serve().value("dispatch", {"agent": "lost", "task": "x"})
    assert result["success"] is False and result["error_type"] == "not_found" and "gone" in result["error"], result


def test_a_missing_cli_is_not_found(make_home):
    home = make_home(claude=None)
    home.write_config({"notes": {}})
    home.environment["PATH"] = str(home.bin)
    result = home.serve().value("dispatch", {"agent": "notes", "task": "x"})
    assert result["success"] is False and result["error_type"] == "not_found" and "claude" in result["error"], result


@pytest.mark.parametrize("key, value", [("model", "--help"), ("permission_mode", "-x"), ("allowed_tools", ["--verbose"])])
def test_fields_like_options_never_reach_the_cli(home, key, value):
    mark = home.root / "started"
    home.write_config({"notes": {key: value}})
    result = home.serve().value("dispatch", {"agent": "notes", "task": stand_in.touch(mark)})
    assert result["success"] is False and result["error_type"] == "cli_error", result
    assert not mark.exists()


def test_too_deep_a_dispatch_is_refused(home):
    home.write_config({"notes": {}}, settings={"max_dispatch_depth": 2})
    result = home.dispatch("notes", stand_in.say("x"), env=home.env(AGENT_DISPATCH_DEPTH="2"))
    assert result["error_type"] == "recursion", result
    garbage = home.dispatch("notes", stand_in.say("x"), env=home.env(AGENT_DISPATCH_DEPTH="deep"))
    assert garbage["success"], garbage


def test_wrong_usage_is_exit_code_2(home):
    for words in (["teleport"], ["dispatch"], ["list", "--no-such-option"], ["add"], ["dispatch", "a", "b", "--timeout", "x"]):
        answer = home.cli(*words)
        assert answer.code == 2 and answer.err, (words, answer)


def test_an_unknown_agent_is_exit_code_1(home):
    home.write_config({"a": {}, "b": {}})
    answer = home.cli("dispatch", "foo", "x")
    assert answer.code == 1 and "Unknown agent: 'foo'. Available: a, b" in answer.out + answer.err, answer
