"""The whole under test: frontends, agents, configuration, and what asks them."""

import json
import time
from collections import deque

from book import Book, Story
from callers import Command, Loop, Relay
from decisions import AGENTS, FRONTENDS, IMPATIENT, SLOTS
from prompts import Prompt

PATIENT = AGENTS - IMPATIENT
MOST_IN_FLIGHT = 70
GC_DAYS = 0.0001


class World:
    def __init__(self, home, seed, patience):
        self.home, self.seed = home, seed
        self.loop = Loop()
        self.book = Book(home.root / "executions", patience)
        self.patience = patience
        self.relays = [None] * FRONTENDS
        self.flights = set()  # stories that wait for an answer
        self.commands = set()
        self.known = deque(maxlen=40)  # jobs, newest last
        self.numbers = 0
        self.step = 0
        self.settings = {"max_concurrency": SLOTS[1], "idle_exit_seconds": 0}
        self.slots_since = [(time.monotonic(), SLOTS[1])]
        self.parallel_of = {}
        self.ending = False
        self.relays_started = 0

    # --- configuration ---

    def agents(self, edit=0):
        agents = {f"a{n}": {"max_parallel": 2 if n < 4 else 1, "description": f"edit {edit}"} for n in range(PATIENT)}
        agents |= {f"i{n}": {"timeout": 2} for n in range(IMPATIENT)}
        self.parallel_of = {name: agent.get("max_parallel", 1) for name, agent in agents.items()}
        return agents

    def write_config(self, edit=0):
        agents = self.agents(edit)
        for name, agent in agents.items():
            agent["directory"] = str(self.home.root / "agents" / name)
        self.put_config(json.dumps({"agents": agents, "settings": self.settings}, indent=1))

    def put_config(self, text):
        draft = self.home.config.with_suffix(".draft")
        draft.write_text(text)
        draft.rename(self.home.config)

    # --- frontends ---

    def start_relay(self, index):
        # A third lives in time namespaces of its own, and so does a supervisor that it starts.
        self.relays_started += 1
        shift = [0, 0, 0, 86_400 * 30, 0, 1000][self.relays_started % 6] if self.can_shift else 0
        self.relays[index] = Relay(self.loop, self.home, index, shift, self.relay_died, self.book.guarded(self.stray))

    can_shift = True

    def stray(self, relay, what):
        self.book.violate(f"frontend {relay.index} said {what}")

    def relay_died(self, relay):
        if not relay.doomed:
            self.book.violate(f"frontend {relay.index} ended by itself with {relay.code}: {relay.errors.read_text()[-2000:]}")
        for story in [s for s in self.flights if s.relay is relay]:
            self.flights.discard(story)
            self.book.end(story, "caller dead")
            # What nobody waits for is ended, and so is a job whose caller has not heard of it.
            story.cancelled = True
        if not self.ending:
            self.loop.later(relay.pause, lambda: self.start_relay(relay.index))

    def relay_at(self, pick):
        """A living one; the next one where that is dead."""
        first = int(pick * FRONTENDS)
        for offset in range(FRONTENDS):
            relay = self.relays[(first + offset) % FRONTENDS]
            if relay and not relay.dead and not relay.doomed:
                return relay
        return None

    # --- asking ---

    def prompt(self, part, **more):
        self.numbers += 1
        return Prompt(self.numbers, part, self.home.root / "executions", **more)

    def agent_for(self, prompt):
        count = IMPATIENT if prompt.hangs else PATIENT
        return f"{'i' if prompt.hangs else 'a'}{int(prompt.part['agent'] * count)}"

    def story(self, kind, prompts, caller, agents=None):
        agents = agents or [self.agent_for(p) for p in prompts]
        story = self.book.tell(Story(self.step, kind, prompts, caller, time.monotonic(), agents))
        story.relay = None
        self.flights.add(story)
        return story

    def call(self, relay, story, tool, arguments, take, token=None):
        """`take(value)` gets what the tool answered; it returns how that is counted."""
        story.relay = relay

        def answered(message):
            self.flights.discard(story)
            if "error" in message:
                value = {"error": message["error"].get("message", "")}
            else:
                value = json.loads(message["result"]["content"][0]["text"])
            story.answer = value
            self.book.end(story, take(value), value)

        return relay.call(tool, arguments, self.book.guarded(answered), token)

    def command(self, story, words, take):
        def ended(command):
            self.commands.discard(command)
            self.flights.discard(story)
            if command.doomed:
                story.cancelled = True
                self.book.end(story, "caller dead")
                return
            story.answer = {"code": command.code, "out": command.out.decode(errors="replace"), "err": command.err.decode(errors="replace")}
            try:
                value = json.loads(command.out)
            except ValueError:
                value = {"error": command.err.decode(errors="replace").strip()}
            self.book.end(story, take(value), story.answer)

        self.commands.add(Command(self.loop, self.home, [str(w) for w in words], self.book.guarded(ended)))

    def one(self, story, value):
        return self.book.result(story, story.prompts[0], value)

    def job_begun(self, story, value):
        if "job_id" not in value:
            return self.book.error(story, story.prompts[0] if story.prompts else None, str(value.get("error", value)))
        story.job = value["job_id"]
        self.book.jobs[story.job] = (story, story.prompts[0] if story.prompts else None)
        self.known.append(story.job)
        return "accepted"

    def looked_at(self, story, value):
        if "status" in value and "task" in value:
            status = self.book.record(value)
            return "record: " + status.split(":")[0]
        return "error: " + self.book.error(story, None, str(value.get("error", value)))

    def anything(self, story, value):
        if isinstance(value, dict) and "error" in value:
            return "error: " + self.book.error(story, None, str(value["error"]))
        return "answered"

    def ask(self, decision):
        relay = self.relay_at(decision["frontend"])
        if relay is None:
            return
        kind = decision["kind"]
        name = "_ask_" + kind.replace(" ", "_")
        if kind.startswith("command"):
            getattr(self, name)(decision)
        else:
            getattr(self, name)(relay, decision)

    def job_at(self, decision):
        return self.known[int(decision["pick"] * len(self.known))] if self.known else None

    # --- over MCP ---

    def _dispatch(self, relay, decision, kind, tool, **more):
        prompt = self.prompt(decision["parts"][0])
        story = self.story(kind, [prompt], f"frontend {relay.index}")
        arguments = {"agent": story.agents[0], "task": prompt.task} | more
        token = prompt.number if decision["flag"] else None
        return story, self.call(relay, story, tool, arguments, lambda v: self.one(story, v), token)

    def ask_again(self, relay, before):
        """What a dispatch asked: the cache answers."""
        story = self.story("cached", before.prompts, f"frontend {relay.index}", before.agents)
        arguments = {"agent": story.agents[0], "task": story.prompts[0].task}
        self.call(relay, story, "dispatch", arguments, lambda v: self.one(story, v))

    def _ask_dispatch(self, relay, decision):
        self._dispatch(relay, decision, "dispatch", "dispatch")

    def _ask_stream(self, relay, decision):
        self._dispatch(relay, decision | {"flag": True}, "stream", "dispatch_stream")

    def _ask_session(self, relay, decision):
        self._dispatch(relay, decision, "session", "dispatch_session", session_id=f"{self.numbers:08x}-0000-4000-8000-00000000cafe")

    def _ask_cancelled(self, relay, decision):
        part = decision["parts"][0] | ({} if decision["flag"] else {"temper": "slower"})
        story, identity = self._dispatch(relay, decision | {"parts": [part]}, "cancelled", "dispatch")

        def cancel():
            story.cancelled = True
            if story in self.flights and not relay.doomed:
                relay.cancel(identity)
                # It may be answered, and needs not.
                self.flights.discard(story)
                self.book.end(story, "cancelled by its caller")

        self.loop.later(decision["after"], cancel)

    def _ask_ref(self, relay, decision):
        prompt = self.prompt(decision["parts"][0])
        story = self.story("ref", [prompt], f"frontend {relay.index}")

        def take(value):
            if "ref" not in value or not value.get("success"):
                return self.one(story, value)
            self.book.jobs[value["ref"]] = (story, prompt)
            self.known.append(value["ref"])
            return self.one(story, value | {"result": value["summary"]})

        arguments = {"agent": story.agents[0], "task": prompt.task, "return_ref": True, "summary_chars": 100_000 if prompt.temper != "huge" else 99_999}
        if prompt.temper == "huge":
            prompt.temper = prompt.part["temper"] = "plain"
            prompt.script = [prompt.script[0], *prompt._steps()]
            arguments["task"] = prompt.task
        self.call(relay, story, "dispatch", arguments, take)

    def _ask_async(self, relay, decision):
        prompt = self.prompt(decision["parts"][0])
        story = self.story("async", [prompt], f"frontend {relay.index}")
        self.call(relay, story, "dispatch_async", {"agent": story.agents[0], "task": prompt.task}, lambda v: self.job_begun(story, v))

    def _ask_parallel(self, relay, decision):
        prompts = [self.prompt(part) for part in decision["parts"]]
        story = self.story("parallel", prompts, f"frontend {relay.index}")
        items = [{"agent": agent, "task": p.task} for agent, p in zip(story.agents, prompts)]
        arguments = {"dispatches": json.dumps(items)}

        def take(value):
            rows = value.get("individual_results") if isinstance(value, dict) else value
            if rows is None:
                for prompt in prompts:
                    how = self.book.error(story, prompt, str(value.get("error", value)))
                return how
            if len(rows) != len(prompts):
                self.book.violate(f"{len(rows)} answers to {len(prompts)} items", story)
            ends = [self.book.result(story, prompt, row) for prompt, row in zip(prompts, rows)]
            for end in ends:
                self.book.ends[("item", end)] += 1
            return "success" if all(end == "success" for end in ends) else "some failed"

        if decision["flag"]:
            # The aggregator is told the items' answers, in which there is no script: it says what it was told.
            arguments["aggregate"] = "a5"
        self.call(relay, story, "dispatch_parallel", arguments, take)

    def dialogue(self, decision, caller):
        part = decision["parts"][0] | {"temper": "slow"}
        prompt = self.prompt(part)
        log, rounds = prompt.script[0], 1 + int(decision["pick"] * 2)
        # Each turn is told the topic, and so executes it.
        goes_on = decision["flag"]
        prompt.limit = 2 * rounds if goes_on else 1
        text = f"so be it {prompt.number}."
        prompt.script = [log, {"sleep": part["ms"] // rounds}, {"text": text if goes_on else text + " [RESOLVED]"}]
        story = self.story("dialogue", [prompt], caller, ["a6", f"a{7 + int(part['agent'] * 10)}"])

        def take(value):
            if "conversation" not in value:
                return self.book.error(story, prompt, str(value.get("error", value)))
            self.book.read_executions()
            turns = value["conversation"]
            if len(prompt.runs) > len(turns):
                self.book.violate(f"a dialogue of {len(turns)} turns took {len(prompt.runs)} executions", story)
            if "error" not in turns[-1]:
                if value["resolved"] == goes_on or value["final_answer"] != text or len(turns) != prompt.limit:
                    self.book.violate(f"a dialogue ended otherwise: {value}", story)
                return "success"
            # Which session was hit is not in the answer.
            return self.book.error(story, prompt, str(turns[-1]["error"]))

        return story, prompt, rounds, take

    def _ask_dialogue(self, relay, decision):
        story, prompt, rounds, take = self.dialogue(decision, f"frontend {relay.index}")
        arguments = {"requester": story.agents[0], "responder": story.agents[1], "topic": prompt.task, "max_rounds": rounds}
        self.call(relay, story, "dispatch_dialogue", arguments, take)

    def _nested(self, relay, decision, more):
        inner = self.prompt(decision["parts"][1])
        file = self.home.root / "inner" / str(inner.number)
        file.write_text(inner.task)
        words = f'agent-dispatch dispatch {more} {self.agent_for(inner)} "$(cat {file})" --json'
        outer = self.prompt(decision["parts"][0] | {"temper": PLAIN_TEMPER}, inner=words)
        outer.inner_prompt = inner
        story = self.story("nested " + more if more else "nested", [outer, inner], f"frontend {relay.index}")
        self.call(relay, story, "dispatch", {"agent": story.agents[0], "task": outer.task}, lambda v: self.one(story, v))

    def _ask_nested(self, relay, decision):
        self._nested(relay, decision, "")

    def _ask_nested_async(self, relay, decision):
        self._nested(relay, decision, "--async")

    def _ask_twins(self, relay, decision):
        prompt = self.prompt(decision["parts"][0])
        # They share a run while they are in flight at once under one supervisor and one configuration; else there are two.
        prompt.limit = 2
        other = self.relay_at((decision["frontend"] + 0.5) % 1)
        story = self.story("twins", [prompt], f"frontend {relay.index}")
        second = self.story("twins", [prompt], f"frontend {other.index}")
        for own, at in ((story, relay), (second, other)):
            self.call(at, own, "dispatch", {"agent": story.agents[0], "task": prompt.task}, lambda v, own=own: self.one(own, v))

    def _of_job(self, relay, decision, kind, tool, **more):
        job = self.job_at(decision)
        if job is None:
            return
        story = self.story(kind, [], f"frontend {relay.index}")
        story.job = job
        argument = {"ref": job} if tool == "fetch_result" else {"job_id": job}
        self.call(relay, story, tool, argument | more, lambda v: self.looked_at(story, v))

    def _ask_wait(self, relay, decision):
        self._of_job(relay, decision, "wait", "dispatch_wait", timeout_seconds=30)

    def _ask_status(self, relay, decision):
        self._of_job(relay, decision, "status", "dispatch_status")

    def _ask_fetch(self, relay, decision):
        job = self.job_at(decision)
        if job is None:
            return
        story = self.story("fetch", [], f"frontend {relay.index}")
        story.job = job

        def take(value):
            own, prompt = self.book.jobs[job]
            if "task" in value:
                return self.looked_at(story, value)
            if "success" in value and prompt:
                # What the run of that job met, not this look at it.
                return "result: " + self.book.result(own, prompt, value)
            return self.anything(story, value)

        self.call(relay, story, "fetch_result", {"ref": job}, take)

    def cancel_of(self, job, caller):
        own, _ = self.book.jobs[job]
        own.cancelled = True
        story = self.story("cancel job", [], caller)
        story.job = job

        def take(value):
            if "outcome" in value:
                return value["outcome"]
            return "error: " + self.book.error(story, None, str(value.get("error", value)))

        return story, take

    def _ask_cancel_job(self, relay, decision):
        job = self.job_at(decision)
        if job:
            story, take = self.cancel_of(job, f"frontend {relay.index}")
            self.call(relay, story, "dispatch_cancel", {"job_id": job}, take)

    def _plain(self, relay, kind, tool, arguments=None, blow=None):
        story = self.story(kind, [], f"frontend {relay.index}")
        story.blow = blow
        self.call(relay, story, tool, arguments or {}, lambda v: self.anything(story, v))

    def _ask_list_agents(self, relay, decision):
        self._plain(relay, "list agents", "list_agents")

    def _ask_list_jobs(self, relay, decision):
        self._plain(relay, "list jobs", "dispatch_jobs")

    def _ask_cache(self, relay, decision):
        self._plain(relay, "cache", "cache_clear" if decision["flag"] else "cache_stats")

    def _ask_gc(self, relay, decision):
        self._plain(relay, "gc", "dispatch_gc", {"max_age_days": GC_DAYS}, self.collection(GC_DAYS))

    def collection(self, days):
        """Who has asked for it may be gone before it is done."""
        return self.book.strike("gc", aftermath=10, age=days * 86_400)

    # --- as commands ---

    def _ask_command_dispatch(self, decision):
        prompt = self.prompt(decision["parts"][0])
        story = self.story("command dispatch", [prompt], "command")
        self.command(story, ["dispatch", story.agents[0], prompt.task, "--json"], lambda v: self.one(story, v))

    def _ask_command_async(self, decision):
        prompt = self.prompt(decision["parts"][0])
        story = self.story("command async", [prompt], "command")
        self.command(story, ["dispatch", "--async", story.agents[0], prompt.task, "--json"], lambda v: self.job_begun(story, v))

    def _ask_command_wait(self, decision):
        job = self.job_at(decision)
        if job:
            story = self.story("command wait", [], "command")
            story.job = job
            self.command(story, ["wait", "--timeout", 30, job, "--json"], lambda v: self.looked_at(story, v))

    def _ask_command_cancel(self, decision):
        job = self.job_at(decision)
        if job:
            story, take = self.cancel_of(job, "command")
            self.command(story, ["cancel", job, "--json"], take)

    def _ask_command_retry(self, decision):
        job = self.job_at(decision)
        if job is None or self.book.jobs[job][1] is None or self.book.jobs[job][0].kind == "nested --async":
            return
        own, prompt = self.book.jobs[job]
        prompt.limit += 1
        story = self.story("retry", [], "command")
        story.job = job

        def take(value):
            if "job_id" not in value:
                if is_unfinished(value):
                    return "not ended yet"
                return "error: " + self.book.error(story, None, str(value.get("error", value)))
            self.book.jobs[value["job_id"]] = (own, prompt)
            return "accepted"

        self.command(story, ["retry", job, "--json"], take)

    def _ask_command_dialogue(self, decision):
        story, prompt, rounds, take = self.dialogue(decision, "command")
        self.command(story, ["dialogue", *story.agents, prompt.task, "--max-rounds", rounds, "--json"], take)

    def _look(self, kind, *words, blow=None):
        story = self.story(kind, [], "command")
        story.blow = blow
        self.command(story, words, lambda v: self.anything(story, v))

    def _ask_command_jobs(self, decision):
        self._look("command jobs", "jobs", "--json")

    def _ask_command_status(self, decision):
        self._look("command status", "status", "--json")

    def _ask_command_gc(self, decision):
        self._look("command gc", "gc", "--days", str(GC_DAYS), "--json", blow=self.collection(GC_DAYS))

    def _ask_command_update(self, decision):
        self._look("command update", "update", f"a{int(decision['pick'] * PATIENT)}", "-d", f"step {self.step}", "--json")


PLAIN_TEMPER = "plain"


def is_unfinished(value):
    """A retry of what has not ended is refused."""
    return "is not finished" in str(value.get("error", ""))
