"""Which answers are legal, given what was done to a request and around it. README.md gives the reasons."""

import re

from prompts import FAILURES


class Circumstances:
    """What was done while a request was under way. `blows`: all blows so far, {kind: [Blow]}."""

    def __init__(self, blows, since, until, story=None, prompt=None, session=None, collected=frozenset()):
        self.blows, self.since, self.until, self.story, self.prompt, self.session = blows, since, until, story, prompt, session
        self.collected = collected

    def of(self, *kinds):
        """Blows of these kinds that reach into the time of the request."""
        return [b for kind in kinds for b in self.blows.get(kind, ()) if b.begin <= self.until and b.end + b.aftermath >= self.since]

    def hit_run(self, *kinds):
        """Whether a blow of these kinds hit this request's run, or one that could not be told apart."""
        return any(b.session is None or self.session is None or b.session == self.session for b in self.of(*kinds))

    def deaths(self):
        return sum(b.weight for b in self.of("supervisor dies", "supervisor leaves"))

    def is_leaving(self):
        """The frontend is told to end: it takes the end of its connection for one more."""
        relay = getattr(self.story, "relay", None)
        return relay is not None and relay.doomed

    def is_cancelled(self):
        return self.story is not None and self.story.cancelled

    def is_collected(self):
        """The record of the job that is asked for may have been collected."""
        return self.story is not None and self.story.job in self.collected or bool(self.of("gc"))


def _shortage(c):
    return bool(c.of("fill disk", "take descriptors"))


def _disk(c):
    return bool(c.of("fill disk"))


# (class, pattern of the error, whether it is legal). The first pattern that matches counts.
LAWS = [
    ("lost", r"process that kept this run .* was killed|The run of this job is gone", lambda c: c.hit_run("kill keeper")),
    ("killed", r"died by signal 9", lambda c: c.hit_run("kill CLI", "kill keeper", "end keeper")),
    ("ended", r"exited with code 143|died by signal 15", lambda c: c.hit_run("end CLI", "end keeper")),
    ("never started", r"ended before this job could start", lambda c: c.deaths() > 0),
    ("supervisors died", r"The supervisor died \d+ times while this job", lambda c: c.deaths() >= 3),
    ("given up", r"ended three times while it worked", lambda c: c.deaths() + c.is_leaving() >= 3),
    ("not recorded", r"could not be written down, so nothing was started", _shortage),
    ("disk was full", r"disk was full|No space left on device", _disk),
    ("no descriptors", r"Too many open files", lambda c: bool(c.of("take descriptors"))),
    ("configuration", r"agents\.yaml", lambda c: bool(c.of("break configuration", "remove configuration"))),
    ("unknown agent", r"Unknown agent|Agent '.*' was not found", lambda c: bool(c.of("remove configuration", "break configuration"))),
    ("no directory", r"directory of agent .* (does not exist|cannot be entered)", lambda c: bool(c.of("remove directory"))),
    ("cancelled", r"was cancelled|^cancelled", lambda c: c.is_cancelled() or c.hit_run("end keeper")),
    ("interrupted", r"^interrupted$", lambda c: c.is_cancelled() or c.hit_run("end keeper") or (c.prompt.hangs and c.hit_run("kill keeper"))),
    ("unreachable", r"no supervisor can be reached|was started, but cannot be reached|ended while it was being connected|does not answer",
     lambda c: _shortage(c) or c.deaths() >= 3 or bool(c.of("freeze supervisor"))),
    ("killed as it started", r"could not be started: it ended at once", lambda c: c.deaths() > 0 or _shortage(c)),
    ("no supervisor", r"ended before it could answer|no supervisor is running",
     lambda c: c.prompt is None and (c.deaths() > 0 or bool(c.of("take descriptors")))),
    # A run that was taken over has no environment to be started in again.
    ("old CLI", r"unknown option '--session-id'", lambda c: c.prompt is not None and c.prompt.temper == "old" and c.deaths() > 0),
    ("unknown agent", r"No agents are configured", lambda c: bool(c.of("remove configuration"))),
    ("no such job", r"not found", lambda c: c.is_collected()),
]  # fmt: skip

# Classes that promise that nothing was executed.
UNPAID = {"never started", "supervisors died", "not recorded", "unknown agent", "no directory"}


def judge(prompt, error, circumstances):
    """(class, legal) of an error that ended the request of a prompt."""
    expected = FAILURES.get(prompt.temper) if prompt else None
    if expected and re.search(expected, error):
        return "as it should", True
    for name, pattern, is_legal in LAWS:
        if re.search(pattern, error, re.DOTALL):
            return name, is_legal(circumstances)
    # What the CLI had said on stderr when it was hit is the error then.
    if prompt and prompt.temper in ("nested", "loud") and circumstances.hit_run("end CLI", "end keeper", "kill CLI", "kill keeper"):
        return "ended, with its stderr", True
    # Without room, what the CLI says is cut off anywhere.
    if re.search(r"no output|gave no result|said nothing", error) and (_disk(circumstances) or circumstances.hit_run("end CLI", "end keeper", "kill CLI", "kill keeper")):
        return "output lost", True
    return "unknown", False
