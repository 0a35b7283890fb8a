"""What was asked, what was done to it, what came of it; and what is not as it must be."""

import collections
import json
import math
import time
from dataclasses import dataclass, field

from laws import UNPAID, Circumstances, judge
from prompts import FAILURES, number_in

TERMINAL = ("done", "failed", "cancelled")


@dataclass(eq=False)
class Blow:
    """Something that was done to the system. `aftermath`: seconds for which its effects may still be met."""

    kind: str
    begin: float
    end: float = math.inf
    aftermath: float = 3.0
    session: str = None  # of the run that it hit, where it hit one
    weight: int = 1
    age: float = 0  # of a collection: the seconds for which what it takes has ended
    detail: str = ""


@dataclass(eq=False)
class Story:
    """One request."""

    step: int
    kind: str
    prompts: list
    caller: str
    sent: float
    agents: list = field(default_factory=list)
    ended: float = None
    how: str = None  # how it ended
    answer: object = None
    cancelled: bool = False
    job: str = None
    blow: Blow = None  # that it is itself, until it ends


class Violation(Exception):
    pass


class Book:
    def __init__(self, executions_file, patience):
        self.executions_file, self.patience = executions_file, patience
        self.stories, self.prompts, self.blows, self.jobs = [], {}, collections.defaultdict(list), {}
        self.records = {}  # id: the version of it that was last seen
        self.ends = collections.Counter()  # (kind, how)
        self.struck = collections.Counter()
        self.executions = 0
        self.collected = set()  # jobs whose records were collected
        self._log, self._rest = None, b""
        self.violations = []
        self.goes_on = False
        self.begin = time.monotonic()

    # --- what happens ---

    def strike(self, kind, **more):
        blow = Blow(kind, time.monotonic(), aftermath=more.pop("aftermath", 3.0) * self.patience, **more)
        self.blows[kind].append(blow)
        return blow

    def over(self, blow):
        blow.end = time.monotonic()

    def once(self, kind, **more):
        blow = self.strike(kind, **more)
        self.over(blow)
        return blow

    def tell(self, story):
        self.stories.append(story)
        for prompt in story.prompts:
            prompt.story = story
            self.prompts[prompt.number] = prompt
        return story

    def read_executions(self):
        """Takes note of what has begun since."""
        if self._log is None:
            try:
                self._log = open(self.executions_file, "rb", buffering=0)
            except FileNotFoundError:
                return
        data = self._log.read()
        if not data:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            number, session, _ = line.decode().split()
            prompt = self.prompts.get(int(number))
            if prompt is None:
                self.violate(f"a prompt ran that nobody had sent: {line!r}")
                continue
            self.executions += 1
            prompt.runs.append(session)
            if len(prompt.runs) > prompt.limit:
                self.violate(f"prompt {number} was executed {len(prompt.runs)} times, at most {prompt.limit} are right", prompt.story)

    # --- judgement ---

    def violate(self, what, story=None):
        raise Violation(what, story)

    def guarded(self, act):
        """act(), whose violations are told and counted; they end everything unless it is to go on."""

        def run(*arguments):
            try:
                return act(*arguments)
            except Violation as violation:
                if not self.goes_on:
                    raise
                what, story = violation.args
                self.violations.append(what)
                if len(self.violations) <= 20:
                    print(f"\nViolation {len(self.violations)}, {time.monotonic() - self.begin:.3f} s: {what}\n{self.tale(story)}", flush=True)

        return run

    def circumstances(self, story, prompt=None, session=None, until=None):
        return Circumstances(self.blows, story.sent, until or time.monotonic(), story, prompt, session, self.collected)

    def now(self, seconds):
        """What has been done in the last so many seconds, to whomever."""
        return Circumstances(self.blows, time.monotonic() - seconds, time.monotonic())

    def end(self, story, how, answer=None):
        story.ended, story.how, story.answer = time.monotonic(), how, answer
        if story.blow:
            self.over(story.blow)
        self.ends[(story.kind, how)] += 1

    def error(self, story, prompt, error, session=None, since=None):
        """The class of an error; it is a violation when it is none that may be."""
        around = self.circumstances(story, prompt, session)
        if since is not None:
            around.since = since
        name, legal = judge(prompt, error, around)
        # What it had started is ended.
        story.cancelled = story.cancelled or name == "given up"
        if not legal:
            self.violate(f"{name}: this error is not one that may come of what was done: {error!r}", story)
        if name in UNPAID and prompt and prompt.limit == 1 and prompt.runs:
            self.violate(f"it is said that nothing was started, but prompt {prompt.number} was executed: {error!r}", story)
        return name

    def result(self, story, prompt, value, since=None):
        """The class of a DispatchResult."""
        self.read_executions()
        if value.get("success") is not True:
            return self.error(story, prompt, str(value.get("error", value)), value.get("session_id"), since)
        text = value.get("result", "")
        if prompt.temper in FAILURES:
            self.violate(f"prompt {prompt.number} is {prompt.temper} and cannot succeed: {value}", story)
        if not prompt.is_answer(text):
            self.violate(f"prompt {prompt.number} was answered with something else: {text[:300]!r}", story)
        if not prompt.runs:
            self.violate(f"prompt {prompt.number} has an answer, but was never executed: {value}", story)
        if prompt.inner_prompt is not None:
            self.nested(story, prompt.inner_prompt, text)
        return "success"

    def nested(self, story, inner, text):
        try:
            value = json.loads(text)
        except ValueError:
            self.ends[("inner", "said nothing")] += 1
            if text.strip():
                self.violate(f"a nested command said what is no JSON: {text[:300]!r}", story)
            return
        if "job_id" in value:
            self.jobs.setdefault(value["job_id"], (story, inner))
            self.ends[("inner", "accepted")] += 1
        else:
            self.ends[("inner", self.result(story, inner, value))] += 1

    def record(self, record, story=None):
        """The class of a job's record."""
        prompt = self.prompts.get(number_in(record.get("task", "")))
        if prompt is None:
            self.violate(f"a record of what nobody has asked for: {record}")
        if record.get("status") not in TERMINAL + ("pending", "running"):
            self.violate(f"a status that there is not: {record}", prompt.story)
        status = record["status"]
        own = prompt.story
        if status == "done":
            self.result(own, prompt, record.get("result", {}))
        elif status == "failed":
            result = record.get("result") or {}
            error = str(record.get("error") or result.get("error"))
            status += ": " + self.error(own, prompt, error, record.get("session_id"))
        # Who leaves before he has been answered does not want the job: he could not know of it.
        elif status == "cancelled" and not (own.cancelled or own.how == "caller dead" or self.circumstances(own, prompt, record.get("session_id")).hit_run("end keeper")):
            self.violate(f"a job was cancelled that nobody had cancelled: {record}", own)
        return status

    # --- at the end ---

    def tale(self, story):
        """All that is known of a request, for people."""
        if story is None:
            return "(no request)"
        at = lambda moment: "-" if moment is None else "forever" if moment == math.inf else f"{moment - self.begin:.3f} s"
        lines = [
            f"step {story.step}: {story.kind} by {story.caller}, agents {story.agents}, job {story.job}",
            f"  sent {at(story.sent)}, ended {at(story.ended)}: {story.how}, cancelled: {story.cancelled}",
            f"  answer: {json.dumps(story.answer)[:3000]}",
        ]
        for prompt in story.prompts:
            lines.append(f"  prompt {prompt.number}, {prompt.temper}: executed {len(prompt.runs)} times, sessions {prompt.runs}, limit {prompt.limit}")
        until = story.ended or time.monotonic()
        near = [b for blows in self.blows.values() for b in blows if b.begin <= until + 5 and b.end + 10 >= story.sent]
        for blow in sorted(near, key=lambda b: b.begin):
            lines.append(f"  {at(blow.begin)} to {at(blow.end)}: {blow.kind} {blow.session or ''} {blow.detail}")
        return "\n".join(lines)
