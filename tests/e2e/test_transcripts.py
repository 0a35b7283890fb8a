"""What is said on the wire in each revision of MCP, byte for byte: transcript_script.py has the requests, transcripts/ the record."""

import json

import pytest

import mcp_schemas
import transcripts
from mcp_schemas import REVISIONS
from transcript_script import configure, in_revision, script_of
from transcripts import CLIENT, SERVER, Names, Transcript, difference, path_of, split_progress


class Conversation:
    """Plays a script to a server, and writes down what both say."""

    def __init__(self, home, revision):
        self.home, self.revision = home, revision
        self.client = home.serve(initialize=False)
        self.client.is_judged = False  # the record is
        self.names, self.transcript, self.heard = Names(home.root), Transcript(), 0

    def play(self, script):
        for exchange in script:
            self.transcript.begin(exchange.name)
            if exchange.before:
                exchange.before(self.home, self.names.ids)
            for message in exchange.says:
                self.say(in_revision(message, self.revision))
            answers = exchange.answers
            self.hear(exchange)
            if exchange.after:
                exchange.after(self.home, self.names.ids)
        self.transcript.begin("the end of input")
        assert self.client.close() == 0
        self.take(self.client.lines[self.heard :], "the end")
        return self.transcript.text()

    def say(self, message):
        line = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        self.transcript.add(CLIENT, line)
        self.client.send_bytes(self.names.fill_in(line).encode() + b"\n")

    def hear(self, exchange):
        """Writes down all that comes until the exchange is complete."""
        requests = sum(isinstance(each, dict) and {"id", "method"} <= each.keys() for each in exchange.says)
        answers = requests if exchange.answers is None else exchange.answers

        def is_complete():
            new = self.client.lines[self.heard :]
            return sum(map(count_answers, new)) >= answers and any(exchange.until.encode() in line for line in new or [b""])

        try:
            self.client.wait_change(is_complete, 20, f"{answers} answers in {exchange.name!r}, and {exchange.until!r}")
        finally:
            self.take(self.client.lines[self.heard :], exchange.name)

    def take(self, lines, name):
        self.heard += len(lines)
        for line in lines:
            for part in split_progress(line.decode().rstrip("\n")):
                self.transcript.add(SERVER, self.names.hide(part, name))


def count_answers(line):
    message = json.loads(line)
    return sum("method" not in each for each in (message if isinstance(message, list) else [message]))


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_server_says_what_is_recorded(home, request, revision):
    configure(home)
    said = Conversation(home, revision).play(script_of(revision))
    if request.config.getoption("--write-transcripts"):
        path_of(revision).parent.mkdir(exist_ok=True)
        path_of(revision).write_text(said)
    recorded = path_of(revision).read_text() if path_of(revision).exists() else ""
    found = difference(recorded, said)
    if found:
        pytest.fail(f"{revision}: if this is wanted, run pytest with --write-transcripts and commit\n{found}", pytrace=False)


@pytest.mark.parametrize("revision", REVISIONS)
def test_what_is_recorded_is_valid_by_the_official_schema(revision):
    if mcp_schemas.directory() is None:
        pytest.skip("AGENT_DISPATCH_MCP_SCHEMAS names no directory with the official schemas, or jsonschema is not installed")
    methods, problems = {}, []
    script = {each.name: each for each in script_of(revision)}
    for name, sender, message in transcripts.messages(path_of(revision).read_text()):
        if not script[name].is_valid:
            continue
        if sender == CLIENT and {"id", "method"} <= message.keys():
            methods[message["id"]] = message["method"]
        elif sender == SERVER:
            problems += mcp_schemas.problems_of_message(revision, message, methods.get(message.get("id")))
    assert not problems, "\n".join(problems)


def test_there_is_no_transcript_without_a_revision():
    assert {path.stem for path in transcripts.DIRECTORY.iterdir()} == set(REVISIONS)


def test_each_exchange_has_a_name_of_its_own():
    for revision in REVISIONS:
        names = [exchange.name for exchange in script_of(revision)]
        assert len(names) == len(set(names))


def test_a_difference_is_shown_where_it_is():
    line = SERVER + '{"a":{"b":1},"text":"{\\n  \\"c\\": 2\\n}"}'
    text = f"# one\n{SERVER}{{}}\n\n# two\n{line}\n"
    assert difference(text, text) is None
    shown = difference(text, text.replace("2", "3")).splitlines()
    assert [each for each in shown if each.startswith(("# ", "+ ", "- "))] == ["# two", '-  "c": 2', '+  "c": 3']
    assert difference(text, text.replace(",", ", ")).splitlines()[-1] == "+" + line.replace(",", ", ")


def test_names_stand_for_what_changes_from_run_to_run(tmp_path):
    names, ident = Names(tmp_path), "c0ffee00" * 4
    said = f'{{"job_id":"{ident}","created_at":1767225600.1,"text":"{{\\"started_at\\": 12.5, \\"path\\": \\"{tmp_path}/x\\"}}"}}'
    hidden = names.hide(said, "first")
    assert hidden == '{"job_id":"<id from first>","created_at":0,"text":"{\\"started_at\\": 0, \\"path\\": \\"<home>/x\\"}"}'
    assert names.hide(f"{ident} {'d' * 32}", "second") == "<id from first> <id from second>"
    assert names.fill_in("<id from second> <home>") == f"{'d' * 32} {tmp_path}"


def test_events_that_are_told_together_are_recorded_as_if_they_were_not():
    told = '{"method":"notifications/progress","params":{"progressToken":"t","progress":7,"message":"%s"}}'
    assert [split_progress(told % text) for text in (r"one\ntwo", "three")] == [
        [told.replace("7", "0") % "one", told.replace("7", "0") % "two"],
        [told.replace("7", "0") % "three"],
    ]
