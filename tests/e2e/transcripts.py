"""Records of what is said on the wire, one message a line, with names in the place of what changes from run to run."""

import difflib
import json
import re
from pathlib import Path

DIRECTORY = Path(__file__).parent / "transcripts"
CLIENT, SERVER = "client: ", "server: "

IDENTIFIER = re.compile(r"(?<![0-9a-f])(?!0{32})(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])")
QUOTE = r'(?:\\*")'  # also within JSON that is a text within JSON
NUMBER = re.compile(
    rf"({QUOTE}(?:created_at|started_at|completed_at|progress_updated_at|duration_ms|total_duration_ms|pid|age_seconds){QUOTE}: ?)[0-9][0-9.e+-]*"
)
VERSION = re.compile(rf"({QUOTE}version{QUOTE}: ?{QUOTE})[0-9][^\"\\]*")
OWNER = re.compile(rf"({QUOTE}owner{QUOTE}: ?{QUOTE})[^\"\\]*")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")
STARTED = re.compile(r'(?<="statusMessage":")running(?=")')  # a task may have begun before it is told
PROGRESS = re.compile(r'(?<="progress":)[0-9]+(?=[,}])')
PROGRESS_TEXT = re.compile(r'(?<="message":")((?:[^"\\]|\\.)*)(?=")')


class Names:
    """The names of what changes. `ids`: what each name of an id stands for."""

    def __init__(self, home):
        self.home, self.ids, self._names = str(home), {}, {}

    def hide(self, text, exchange):
        """A message of the server with names in it. New ids are named after the exchange that brought them."""

        def name_of(match):
            number = 1 + sum(name.startswith(f"<id from {exchange}>") or name.startswith(f"<id from {exchange}, ") for name in self.ids)
            name = self._names.setdefault(match[0], f"<id from {exchange}>" if number == 1 else f"<id from {exchange}, {number}>")
            self.ids.setdefault(name, match[0])
            return name

        text = OWNER.sub(r"\g<1><owner>", text.replace(self.home, "<home>"))
        text = STARTED.sub("waiting for its turn", TIME.sub("<time>", IDENTIFIER.sub(name_of, text)))
        return VERSION.sub(r"\g<1><version>", NUMBER.sub(r"\g<1>0", text))

    def fill_in(self, text):
        """The message of the client that the script means."""
        for name, value in self.ids.items():
            text = text.replace(name, value)
        return text.replace("<home>", self.home)


def split_progress(line):
    """Progress is told at most ten times a second, and events in between together: one message for each, as if there were time."""
    if '"method":"notifications/progress"' not in line:
        return [line]
    line = PROGRESS.sub("0", line)
    found = PROGRESS_TEXT.search(line)
    return [line[: found.start()] + part + line[found.end() :] for part in found[0].split(r"\n")] if found else [line]


def without_repetitions(lines):
    return [line for at, line in enumerate(lines) if at == 0 or line != lines[at - 1] or "notifications/progress" not in line]


class Transcript:
    """Parts, each with a name and its lines."""

    def __init__(self):
        self.parts = []

    def begin(self, name):
        self.parts.append((name, []))

    def add(self, sender, text):
        self.parts[-1][1].append(sender + text)

    def text(self):
        return "\n".join("\n".join([f"# {name}", *without_repetitions(lines)]) + "\n" for name, lines in self.parts)


def path_of(revision):
    return DIRECTORY / f"{revision}.txt"


def readable(lines):
    """Lines for people: JSON indented, texts in it that are of several lines broken up."""
    for line in lines:
        sender, message = next(((each, line[len(each) :]) for each in (CLIENT, SERVER) if line.startswith(each)), ("", line))
        try:
            indented = json.dumps(json.loads(message), indent=1, ensure_ascii=False) if sender else message
        except ValueError:
            indented = message
        yield from (sender + indented.replace(r"\n", "\n").replace(r"\"", '"')).splitlines()


def parts(text):
    """{name of the exchange: its lines}, in order."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# "):
            found[line[2:]] = []
        elif line:
            found[next(reversed(found))].append(line)
    return found


def difference(expected, actual):
    """What differs, exchange by exchange, or None."""
    if expected == actual:
        return None
    recorded, said, shown = parts(expected), parts(actual), []
    for name in recorded | said:
        before, after = recorded.get(name, []), said.get(name, [])
        if before != after:
            # Spaces, and how characters are written, are seen in the raw lines only.
            lines = compare(readable(before), readable(after), 4) or compare(before, after, 0)
            shown += ["", f"# {name}", *lines]
    return "\n".join(shown or ["the order of the exchanges"])


def compare(before, after, context):
    return list(difflib.unified_diff(list(before), list(after), "recorded", "said", lineterm="", n=context))


def messages(text):
    """(name of the exchange, sender, message) for each line of a transcript; those that are no JSON object are left out."""
    for name, lines in parts(text).items():
        for line in lines:
            sender = CLIENT if line.startswith(CLIENT) else SERVER
            try:
                message = json.loads(line[len(sender) :])
            except ValueError:
                continue
            if isinstance(message, dict):
                yield name, sender, message
