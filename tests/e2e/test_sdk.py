"""The official MCP clients: each calls every tool of `agent-dispatch serve`, as data/sdk_calls.json has it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import sdk_install
import stand_in
from harness import PROGRAMS

HERE = Path(__file__).parent
TABLE = json.loads((HERE / "data" / "sdk_calls.json").read_text())
NEWEST, LAST_HANDSHAKE = "2026-07-28", "2025-11-25"


@pytest.fixture
def configured(home):
    members = [{"agent": "notes", "use_for": "all"}]
    home.write_config({"notes": {"description": "keeper of notes"}, "other": {}}, groups={"team": {"shared_context": "blue", "members": members}})
    return home


def filled(value, root, key=None):
    """The table's values as a client is to send them: steps as a prompt, items as text."""
    if key in ("task", "topic") and isinstance(value, list):
        return stand_in.steps(*filled(value, root))
    if key == "dispatches":
        return json.dumps(filled(value, root))
    if isinstance(value, dict):
        return {name: filled(each, root, name) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, root) for each in value]
    return value.replace("$root", str(root)) if isinstance(value, str) else value


def order(home):
    """What a driver gets on its standard input."""
    return filled(TABLE, home.root) | {"environment": home.environment}


def differences(expected, value, kept, place="the answer"):
    """Where a value has not what is expected of it."""
    if isinstance(expected, dict) and isinstance(value, dict):
        return [each for name, part in expected.items() for each in differences(part, value.get(name), kept, f"{place}.{name}")]
    if isinstance(expected, list) and isinstance(value, list) and len(expected) == len(value):
        return [each for at, part in enumerate(expected) for each in differences(part, value[at], kept, f"{place}[{at}]")]
    if isinstance(expected, str) and expected.startswith("$"):
        expected = kept[expected[1:]]
    return [] if value == expected else [f"{place} is {value!r}, not {expected!r}"]


def check_answer(entry, result, tool, kept):
    """A tool's answer: its value as text and, where the tool has a schema for it, structured."""
    (content,) = result["content"]
    value = json.loads(content["text"])
    assert not differences(entry["answer"], value, kept), entry
    assert result.get("isError", False) == entry.get("is_error", False), entry
    assert ("structuredContent" in result) == ("outputSchema" in tool), entry["tool"]
    assert result.get("structuredContent", value) == value


def check(seen, home):
    """All that a driver saw."""
    tools, kept = {tool["name"]: tool for tool in seen["tools"]}, seen["kept"]
    assert {"tools", "prompts", "resources", "completions"} <= seen["capabilities"].keys()
    assert tools.keys() == {entry["tool"] for entry in TABLE["calls"]}, "each tool has a call in data/sdk_calls.json"
    assert len(seen["answers"]) == len(TABLE["calls"])
    for entry, answer in zip(TABLE["calls"] + [TABLE["after_cancel"]], seen["answers"] + [seen["after_cancel"]]):
        check_answer(entry, answer["result"], tools[entry["tool"]], kept)
        assert entry.get("progress", "") in "\n".join(answer["progress"]), entry
    assert seen["is_cancelled"]
    check_the_rest(seen, kept)
    assert home.status()["live_runs"] == 0


def check_the_rest(seen, kept):
    """Prompts, resources and completion."""
    assert {prompt["name"] for prompt in seen["prompts"]} == {entry["name"] for entry in TABLE["prompts"]}
    for entry, got in zip(TABLE["prompts"], seen["prompt_texts"], strict=True):
        (message,) = got["messages"]
        assert all(value in message["content"]["text"] for value in entry["arguments"].values())
    assert {"agent://notes", "agent://other", f"job://{kept['job']}"} <= {resource["uri"] for resource in seen["resources"]}
    assert sorted(template["uriTemplate"] for template in seen["templates"]) == TABLE["templates"]
    for entry, (content,) in zip(TABLE["resources"], seen["contents"], strict=True):
        assert not differences(entry["answer"], json.loads(content["text"]), kept)
    assert seen["completions"] == [entry["values"] for entry in TABLE["completions"]]
    for what, named in (("no_resource", "nobody"), ("no_prompt", "nonsense"), ("no_tool", "teleport")):
        assert named in (seen[what] or ""), what


def driven(home, *words):
    """What a driver saw."""
    given = json.dumps(order(home))
    finished = subprocess.run(words, input=given, capture_output=True, text=True, timeout=60, env=home.environment, cwd=home.root)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def test_every_tool_has_a_call_in_the_table(configured):
    listed = {tool["name"] for tool in configured.serve().request("tools/list")["result"]["tools"]}
    assert listed == {entry["tool"] for entry in TABLE["calls"]}


@pytest.mark.sdk
@pytest.mark.parametrize("major, mode, revision", [(2, "auto", NEWEST), (2, "legacy", LAST_HANDSHAKE), (1, "", LAST_HANDSHAKE)])
def test_the_python_client_calls_every_tool(configured, major, mode, revision):
    seen = driven(configured, sdk_install.python(major), HERE / "sdk_client.py", PROGRAMS / "agent-dispatch", mode)
    assert seen["revision"] == revision
    check(seen, configured)


@pytest.mark.sdk
@pytest.mark.parametrize("major, mode, revision", [(2, "auto", NEWEST), (2, "legacy", LAST_HANDSHAKE), (1, "", LAST_HANDSHAKE)])
def test_the_typescript_client_calls_every_tool(configured, major, mode, revision):
    node = sdk_install.node(f"typescript {major}")
    # It looks for packages beside the program.
    shutil.copy(HERE / "sdk_client.mjs", configured.root)
    (configured.root / "node_modules").symlink_to(sdk_install.typescript(major))
    seen = driven(configured, node, configured.root / "sdk_client.mjs", PROGRAMS / "agent-dispatch", str(major), mode)
    assert seen["revision"] == revision
    check(seen, configured)
    # This client knows no token any more once it has read the answer, even of what came before it in the same piece.
    assert not [error for error in seen["errors"] if "progress notification for an unknown token" not in error]


def inspect(home, *words, era="legacy"):
    """What the Inspector prints; the server gets its environment from its command line."""
    settings = [word for name, value in home.environment.items() for word in ("-e", f"{name}={value}")]
    server = [PROGRAMS / "agent-dispatch", "serve"]
    command = [sdk_install.node("inspector"), sdk_install.inspector(), "--cli", "-q", "--protocol-era", era, *settings, *server, *words]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, env=home.environment, cwd=home.root)
    assert finished.stdout, finished.stderr
    return json.loads(finished.stdout) | {"code": finished.returncode}


def call(home, entry, kept, **options):
    """The answer of a tool to the Inspector. What is told meanwhile it does not show, so nothing waits for it."""
    if "heard" in entry:
        Path(entry["heard"]).touch()
    arguments = {name: kept.get(value[1:], value) if isinstance(value, str) else value for name, value in entry["arguments"].items()}
    words = ("--method", "tools/call", "--tool-name", entry["tool"], "--tool-args-json", json.dumps(arguments))
    result = inspect(home, *words, **options)
    value = json.loads(result["content"][0]["text"])
    kept |= {name: value[member] for name, member in entry.get("keep", {}).items()}
    assert result["code"] == (5 if entry.get("is_error") else 0)
    return result


@pytest.mark.sdk
def test_the_inspector_calls_every_tool(configured):
    tools = {tool["name"]: tool for tool in inspect(configured, "--method", "tools/list")["tools"]}
    assert tools.keys() == {entry["tool"] for entry in TABLE["calls"]}
    kept = {}
    for entry, given in zip(TABLE["calls"], order(configured)["calls"]):
        check_answer(entry, call(configured, given, kept), tools[entry["tool"]], kept)


@pytest.mark.sdk
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_and_reads(configured, era):
    prompts = inspect(configured, "--method", "prompts/list", era=era)["prompts"]
    assert {prompt["name"] for prompt in prompts} == {entry["name"] for entry in TABLE["prompts"]}
    filled_in = inspect(configured, "--method", "prompts/get", "--prompt-name", "delegate", "--prompt-args", "task=count", era=era)
    assert "count" in filled_in["messages"][0]["content"]["text"]
    resources = inspect(configured, "--method", "resources/list", era=era)["resources"]
    assert [resource["uri"] for resource in resources] == ["agent://notes", "agent://other"]
    templates = inspect(configured, "--method", "resources/templates/list", era=era)["resourceTemplates"]
    assert sorted(template["uriTemplate"] for template in templates) == TABLE["templates"]
    (content,) = inspect(configured, "--method", "resources/read", "--uri", "agent://notes", era=era)["contents"]
    assert json.loads(content["text"])["description"] == "keeper of notes"


@pytest.mark.sdk
def test_the_inspector_dispatches_in_the_stateless_era(configured):
    result = call(configured, order(configured)["after_cancel"], {}, era="modern")
    assert result["structuredContent"]["result"] == "free again"
