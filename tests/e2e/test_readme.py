"""README.md and the documents with examples: what they show is run, what they list is all there is and no more."""

import json
import re
import subprocess

import pytest

from documents import DOCUMENTS, NOT_RUN, RUN, anchors, blocks, links, quoted, sections, table, text_of
from harness import ROOT, STAND_IN
from mcp_client import text_value

HOME = "/home/me"
"""Whose home it is in examples."""

CLAUDE = f"""#!/usr/bin/python3
# Answers a prompt as the example with that task shows it; else as the stand-in does.
import json, os, sys
prompt = ""
if "-p" in sys.argv:
    prompt = os.pread(0, 1 << 20, 0).decode()
for task, script in json.load(open(os.path.join(os.path.dirname(sys.argv[0]), "answers.json"))):
    if prompt and task in prompt:
        os.environ["STAND_IN_SCRIPT"] = json.dumps(script)
        break
os.execv({str(STAND_IN)!r}, sys.argv)
"""


# --- the place where the examples are run ---


@pytest.fixture
def home(make_home):
    """A home with the projects that the examples speak of, and nothing configured."""
    home = make_home(claude=None)
    del home.environment["AGENT_DISPATCH_CONFIG"]
    home.config = home.home / ".config" / "agent-dispatch" / "agents.yaml"
    home.jobs = home.config.parent / "jobs"
    (home.bin / "claude").write_text(CLAUDE)
    (home.bin / "claude").chmod(0o755)
    answer_as(home, [])
    make_projects(home)
    return home


def make_projects(home):
    infra, web = (home.home / "projects" / name for name in ("infra", "web"))
    for place in (infra, web):
        place.mkdir(parents=True)
    (infra / "CLAUDE.md").write_text("# Infra\n\nServers and containers.\n")
    (infra / ".mcp.json").write_text(json.dumps({"mcpServers": {"portainer": {"command": "true"}}}))
    (infra / "Dockerfile").write_text("FROM scratch\n")


def add_agents(home):
    for name in ("infra", "web"):
        added = home.cli("add", name, f"~/projects/{name}")
        assert added.code == 0, added


def answer_as(home, answers):
    (home.bin / "answers.json").write_text(json.dumps(answers))


def run_shell(home, block):
    """Runs a block in one shell, as if it was typed: the first line that fails ends it."""
    script = "set -uo pipefail\ntrap 'echo \"failed: $BASH_COMMAND\" >&2; exit 1' ERR\n" + block.text
    process = subprocess.Popen(
        ["bash", "-c", script],
        env=home.environment,
        cwd=home.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    home.started.append(process)
    answer = home.finish(process, 60)
    assert answer.code == 0, answer
    return answer


# --- what the agents of the examples say ---


def steps_of(result, progress=()):
    """What makes the stand-in end with this DispatchResult, or with this ref's."""
    steps = [{"tool": line.removeprefix("Using tool: ")} for line in progress]
    steps += [{"deny": tool} for tool in result.get("denied_tools", [])]
    return [*steps, {"cost": result["cost_usd"]}, {"turns": result["num_turns"]}, {"text": result.get("result", result.get("summary"))}]


def answers_of(call, answer):
    """(what is in the prompt, steps) of each run behind a call that is answered so."""
    arguments = call["arguments"]
    if call["name"] == "dispatch_dialogue":
        return [(arguments["topic"], [{"cost": answer["total_cost_usd"]}, {"text": answer["conversation"][-1]["message"]}])]
    if call["name"] == "dispatch_parallel":
        first = answer["individual_results"][0]["result"]
        runs = zip(json.loads(arguments["dispatches"]), answer["individual_results"])
        return [(first, steps_of(answer["aggregated"]))] + [(item["task"], steps_of(result)) for item, result in runs]
    if "task" in arguments and "result" in answer:
        return [(arguments["task"], steps_of(answer))]
    if "task" in answer and "result" in answer:
        return [(answer["task"], steps_of(answer["result"], answer["progress"]))]
    return []


def pairs(section):
    """(block, the JSON block with its answer or None) of all that is executed, in order."""
    found = []
    for block in section.blocks:
        if block.tag == RUN or block.is_call():
            found.append((block, None))
        elif block.tag == "json":
            assert found and found[-1][1] is None, f"line {block.line}: an answer to nothing"
            found[-1] = (found[-1][0], block)
    return found


# --- whether an answer is as shown ---


class Comparison:
    """Compares answers with examples, and remembers what the made-up ids in them stand for."""

    def __init__(self, home):
        self.home = str(home.home)
        self.ids = {}

    def real(self, text):
        for shown, real in self.ids.items():
            text = text.replace(shown, real)
        return text

    def same(self, shown, real, where="answer"):
        if isinstance(shown, dict):
            assert isinstance(real, dict) and shown.keys() == real.keys(), (where, shown, real)
            for key, value in shown.items():
                self.same(value, real[key], f"{where}.{key}")
        elif isinstance(shown, list):
            assert isinstance(real, list) and len(real) >= len(shown), (where, shown, real)
            for number, value in enumerate(shown):
                self.same(value, real[number], f"{where}[{number}]")
        elif isinstance(shown, bool) or shown is None:
            assert shown is real, (where, shown, real)
        elif isinstance(shown, str):
            assert isinstance(real, str), (where, shown, real)
            self.same_text(shown, real, where)
        else:  # figures are what they are
            assert isinstance(real, (int, float)) and not isinstance(real, bool), (where, shown, real)
            assert isinstance(shown, float) or isinstance(real, int), (where, shown, real)

    def same_text(self, shown, real, where):
        if re.fullmatch("[0-9a-f-]{32,36}", shown):
            assert re.fullmatch("[0-9a-f-]{32,36}", real) and len(shown) == len(real), (where, shown, real)
            assert self.ids.setdefault(shown, real) == real, (where, shown, real)
            return
        pattern = ".*".join(re.escape(part) for part in shown.split("…"))
        assert re.fullmatch(pattern, real.replace(self.home, HOME), re.S), (where, shown, real)


EXAMPLES = [
    pytest.param(document, section, id=f"{document}: {section.title}")
    for document in DOCUMENTS
    for section in sections(document)
    if pairs(section)
]


@pytest.mark.parametrize(("document", "section"), EXAMPLES)
def test_the_examples_of_a_section_do_what_they_show(home, document, section):
    if not any("agent-dispatch init" in block.text for block in section.blocks):
        add_agents(home)
    todo = pairs(section)
    answer_as(home, [entry for block, answer in todo if block.is_call() for entry in answers_of(block.json(), answer.json())])
    client, comparison = home.serve(), Comparison(home)
    for block, shown in todo:
        if block.tag == RUN:
            ran = run_shell(home, block)
            real = json.loads(ran.out) if shown else None
        else:
            call = json.loads(comparison.real(block.text))
            real = text_value(client.call(call["name"], call["arguments"]))
        if shown:
            comparison.same(shown.json(), real, f"{document}:{shown.line}")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_call_in_an_example_has_its_answer(document):
    for section in sections(document):
        for block, answer in pairs(section):
            assert answer or block.tag == RUN, f"{document}:{block.line}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_not_run_is_none_of_ours(document):
    """The rule for `console`: each line is a prompt, and what is typed there is a script of this tree or another program."""
    for block in blocks(document, NOT_RUN):
        for line in block.text.splitlines():
            assert line.startswith("$ "), f"{document}:{block.line}: {line}"
            for command in line.removeprefix("$ ").split("#")[0].split("&&"):
                program = command.split()[0]
                assert not program.startswith("agent-dispatch"), f"{document}:{block.line}: put it into {RUN}, it can be run"
                if "/" in program:
                    assert (ROOT / program).is_file(), f"{document}:{block.line}: there is no {program}"
    tags = {block.tag for section in sections(document) for block in section.blocks}
    assert tags <= {RUN, NOT_RUN, "yaml", "json", ""}, "another tag would be looked at by nobody"


@pytest.mark.parametrize("number", range(len(blocks("README.md", "yaml"))))
def test_a_configuration_in_the_readme_can_be_used(home, number):
    text = blocks("README.md", "yaml")[number].text
    home.config.parent.mkdir(parents=True)
    home.config.write_text(text)
    listed = home.cli("list", "--json")
    assert listed.code == 0 and not listed.err, listed
    assert all(agent["healthy"] is True for agent in listed.json()), listed
    checks = home.cli("doctor", "--json").json()["checks"]
    wrong = [check for check in checks if check["status"] != "ok" and check["check"] not in ("login", "registration", "cli")]
    assert not wrong
    for key in re.findall(r"^ *(?:- )?(\w+):", text, re.M):
        assert any(re.search(rf"\b{key}\b", row[0]) for row in KEYS) or key in ("agents", "groups", *names(text)), key


KEYS = table("README.md", "key", "default", "meaning")


def names(text):
    """What agents and groups are called."""
    return re.findall(r"^  (\w+):$", text, re.M)


def test_the_defaults_of_keys_are_those_of_the_sources():
    declared = dict(re.findall(r" (\w+) = (\d+|true|false);", (ROOT / "messages" / "agent.hpp").read_text()))
    shown = {quoted(row[0])[0].rpartition(".")[2]: row[1] for row in KEYS if re.fullmatch(r"\d+|true|false", row[1])}
    assert shown == declared


# --- the reference is complete, and has nothing that is not there ---


PARAMETER = re.compile(r"(\*\*)?`(\w+)`(?:\*\*)?(?:=(\S+?))?(?=[ ,]|$)")


def parameters(cell):
    """{name: (required, default as text)} of a cell of the table of tools."""
    return {name: (bool(bold), default or None) for bold, name, default in PARAMETER.findall(cell)}


@pytest.fixture
def offered(home):
    """The tools as tools/list has them."""
    return {tool["name"]: tool for tool in home.serve().request("tools/list")["result"]["tools"]}


def documented_tools():
    return {quoted(row[0])[0]: row for row in table("README.md", "tool", "parameters", "answer")}


def test_the_reference_has_the_tools_that_there_are(offered):
    assert set(documented_tools()) == set(offered)


def test_the_reference_has_the_parameters_that_there_are(offered):
    for name in documented_tools().keys() & offered.keys():
        schema = offered[name]["inputSchema"]
        there = {
            parameter: (
                parameter in schema.get("required", []),
                None if details.get("default", "") == "" else json.dumps(details["default"]),
            )
            for parameter, details in schema.get("properties", {}).items()
        }
        assert parameters(documented_tools()[name][1]) == there, name


def test_the_reference_has_the_ranges_that_there_are(offered):
    for name in documented_tools().keys() & offered.keys():
        for parameter, details in offered[name]["inputSchema"].get("properties", {}).items():
            if "maximum" in details:
                cell = documented_tools()[name][1].replace(",", "")
                shown = re.search(rf"`{parameter}`(?:=\d+)? \(([^)]*)\)", cell)
                assert shown and str(details["maximum"]) in shown[1], (name, parameter)


def test_the_table_of_what_to_use_names_every_tool_that_dispatches(offered):
    advised = {word for row in table("README.md", "you want", "tool") for word in quoted(row[1])}
    assert advised <= offered.keys() | {"session_id", "aggregate", "return_ref"}
    assert {name for name in offered if name.startswith("dispatch")} - advised == {"dispatch_cancel", "dispatch_jobs", "dispatch_gc"}


def test_every_kind_of_error_has_its_row(home):
    described = {quoted(row[0])[0] for row in table("README.md", "error_type", "what happened", "what to do")}
    told = home.serve(initialize=False).initialize()["instructions"].partition("error_type says what to do:")[2].partition("On success")[0]
    kinds = set(re.findall(r"\b(permission|timeout|budget|not_found|recursion|cancelled|cli_error)\b", told))
    assert described == kinds and len(kinds) == 7


OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def commands_of(home, *words):
    """{words: options} of all commands below these, from their --help."""
    said = home.cli(*words, "--help").out
    options = {option for line in said.splitlines() if line.startswith("  -") for option in OPTION.findall(line.split("  ")[1])}
    below = re.findall(r"^  ([a-z]+) ", said.partition("Subcommands:")[2], re.M)
    if not below:
        return {words: options}
    return {name: found for command in below for name, found in commands_of(home, *words, command).items()}


def test_the_reference_has_the_commands_and_options_that_there_are(home):
    there = commands_of(home)
    assert len(there) > 20
    general = {"-h", "--help", "--json"}
    documented = {}
    for command, options, _ in table("README.md", "command", "options", "what it does"):
        words = tuple(word for word in quoted(command)[0].split() if word.islower() and word.isalpha())
        documented[words] = {option for option in OPTION.findall(" ".join(quoted(options)))}
    assert documented == {words: options - general for words, options in there.items()}
    assert {words[0] for words, options in there.items() if "--json" not in options} == {"completion", "serve", "supervise"}


def test_the_options_of_the_program_itself_are_in_the_reference(home):
    top = home.cli("--help").out.partition("Subcommands:")[0]
    for option in re.findall(r"--[a-z]+", top):
        assert f"`{option}`" in text_of("README.md"), option


def test_the_reference_has_the_variables_that_the_sources_read():
    documented = {quoted(row[0])[0] for row in table("README.md", "variable", "meaning")}
    read = set()
    for folder in ("messages", "config", "actors", "frontends"):
        for source in (ROOT / folder).rglob("*.?pp"):
            read |= set(re.findall(r'"((?:AGENT_DISPATCH|XDG)_[A-Z_]+|NO_COLOR)\b', source.read_text()))
    assert documented == read - {"AGENT_DISPATCH_DEATH_POINT", "AGENT_DISPATCH_DEATH_POINTS"}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document):
    for text, target in links(document):
        file, _, anchor = target.partition("#")
        place = ((ROOT / document).parent / file).resolve() if file else ROOT / document
        assert place.is_file(), f"{document}: [{text}]({target})"
        if anchor:
            assert anchor in anchors(place.relative_to(ROOT)), f"{document}: [{text}]({target})"
