"""What must hold at any time and at the end: processes, slots, records, memory, descriptors."""

import collections
import json
import os
import time
from dataclasses import dataclass

import news
import processes_seen as seen_by
from book import TERMINAL
from processes import descriptors, environment, resident_bytes, working_directory

DEPTH = 3  # settings.max_dispatch_depth
LEGAL_STEPS = {("pending", "running"), *((a, b) for a in ("pending", "running") for b in TERMINAL)}


@dataclass
class Version:
    """Of a job's record."""

    identity: tuple  # of the file
    record: dict


def ident_of(name):
    """The job whose record has this name; "" where it is no record's."""
    return name.removesuffix(".json") if name.endswith(".json") and not name.startswith(".") else ""


def may_become(before, now):
    """What is terminal stays, but for the result that a cancelled job gets once."""
    if before["status"] == "cancelled" and before.get("result") is None:
        before, now = before | {"result": None}, now | {"result": None}
    return before == now


def is_new(record):
    """Whether it is a job's first record: one that waits, or a kept result, which is made, begun and ended in less than a millisecond, as no run is."""
    if record["status"] == "pending":
        return True
    return record["status"] in ("done", "failed") and bool(record.get("started_at")) and record["completed_at"] - record["created_at"] < 0.001


class Audit:
    def __init__(self, world):
        self.world, self.book, self.home = world, world.book, world.home
        self.peaks = collections.Counter()  # what: the most there was
        self.versions = 0  # of records, that were looked at
        self.ended = collections.deque()  # (when it was seen, terminal record), to be judged
        world.loop.watch(news.watch(self.home.jobs), self.book.guarded(self.take_news))

    def note(self, what, value):
        self.peaks[what] = max(self.peaks[what], value)

    # --- processes ---

    def slots(self):
        """The most that were allowed while any present run can have begun."""
        since, most = time.monotonic() - 90 * self.world.patience, 0
        allowed = self.world.slots_since
        for at, (begin, slots) in enumerate(allowed):
            end = allowed[at + 1][0] if at + 1 < len(allowed) else time.monotonic()
            if end >= since:
                most = max(most, slots)
        return most

    def look(self):
        seen = seen_by.look()
        supervisors, running = seen_by.supervisors(seen), seen_by.agents(seen)
        runs = {p.parent: p for p in running}  # by keeper
        self.note("live runs at once", len(runs))
        self.note("processes at once", len(seen))
        slots = self.slots()
        if len(runs) > slots:
            self.check_slots(runs, slots)
        self.check_agents(runs)
        for supervisor in supervisors:
            self.note("bytes of a supervisor", resident_bytes(supervisor.pid))
            self.note("descriptors of a supervisor", len(descriptors(supervisor.pid)))
        for relay in self.world.relays:
            if relay and not relay.is_shifted and not relay.dead:
                self.note("bytes of a frontend", resident_bytes(relay.process.pid))

    def alive_together(self, pids):
        """Those that are still there: they lived at one moment, the one before this look."""
        time.sleep(0.05)  # what a signal has ended may take a moment to go
        now = seen_by.look()
        return [pid for pid in pids if pid in now]

    def check_slots(self, runs, slots):
        depth = {keeper: int(environment(p.pid).get("AGENT_DISPATCH_DEPTH", "0") or 0) for keeper, p in runs.items()}
        outer = [keeper for keeper, at in depth.items() if at == 1]
        # Children of a run that is gone hold its slot, or none while they wait for their own end: those of depth 1 count.
        for most, keepers, what in ((slots, outer, "slots"), (slots * DEPTH, list(runs), "slots times the depth")):
            if len(keepers) > most:
                left = self.alive_together([runs[k].pid for k in keepers])
                if len(left) > most:
                    self.book.violate(f"{len(left)} runs are alive at once, {what}: {most}: {left}")

    def check_agents(self, runs):
        of = collections.defaultdict(list)
        for process in runs.values():
            place = working_directory(process.pid)
            if place and "/agents/" in place:
                of[os.path.basename(place).removesuffix(".away").removesuffix(" (deleted)")].append(process.pid)
        for name, pids in of.items():
            most = self.world.parallel_of.get(name, 1)
            if len(pids) <= most:
                continue
            outer = [pid for pid in pids if environment(pid).get("AGENT_DISPATCH_DEPTH") == "1"]
            if len(outer) > most and len(left := self.alive_together(outer)) > most:
                self.book.violate(f"agent {name} has {len(left)} runs at once, at most {most} are right: {left}")

    # --- records ---

    def take_news(self, data):
        """What became of names in the jobs directory. A version that was replaced meanwhile is looked at as what is there."""
        for mask, name in news.events_in(data):
            ident = ident_of(name)
            if mask & news.LOST:
                self.look_at_records()
            elif ident and mask & (news.CREATED | news.MODIFIED):
                self.book.violate(f"the record of job {ident} is written to where it stands", self.story_of(ident))
            elif ident and mask & news.MOVED_HERE:
                self.look_at_record(ident)
            elif ident:
                self.check_gone(ident)

    def look_at_records(self):
        """All of them, whatever the kernel has told; and what came of the jobs that have ended since."""
        try:
            here = set(filter(None, map(ident_of, os.listdir(self.home.jobs))))
        except FileNotFoundError:
            return
        for ident in here:
            self.look_at_record(ident)
        for ident in [i for i in self.book.records if i not in here]:
            self.check_gone(ident)
        self.judge_ended()

    def look_at_record(self, ident):
        before = self.book.records.get(ident)
        try:
            with open(self.home.jobs / f"{ident}.json", "rb") as file:
                status = os.fstat(file.fileno())
                identity = (status.st_ino, status.st_size, status.st_mtime_ns)
                if before and before.identity == identity:
                    return
                text = file.read()
        except FileNotFoundError:
            return
        try:
            record = json.loads(text)
        except ValueError:
            self.book.violate(f"the record of job {ident} is not whole: {text[:500]!r}", self.story_of(ident))
        self.versions += 1
        self.book.records[ident] = Version(identity, record)
        self.check_version(ident, before and before.record, record)
        if record["status"] in TERMINAL and not (before and before.record["status"] in TERMINAL):
            self.ended.append((time.monotonic(), record))

    def check_version(self, ident, before, now):
        """`before`: None for the first one."""
        what = None
        if now.get("id") != ident:
            what = "is another's"
        elif now["status"] == "done" and now.get("started_at") is None:
            what = "is done, and never began"
        elif before and before["status"] != now["status"] and (before["status"], now["status"]) not in LEGAL_STEPS:
            what = f"went from {before['status']} to {now['status']}"
        elif before and any(before.get(name) != now.get(name) for name in ("agent", "task", "created_at")):
            what = "is of another job than before"
        elif before and before["status"] in TERMINAL and not may_become(before, now):
            what = "was terminal, and has changed"
        if what:
            self.book.violate(f"the record of job {ident} {what}: {now}, before: {before}", self.story_of(ident))

    def check_gone(self, ident):
        """Only a collection takes records, only what has ended, and that only when it is old enough."""
        version = self.book.records.pop(ident, None)
        if version is None:
            return
        record, now = version.record, time.time()
        around = self.book.now(seconds=5)
        # It could not be synced, and nobody is told of the job. Who wanted a result kept gets the whole of it.
        if is_new(record) and ident not in self.book.jobs and around.of("take descriptors", "fill disk"):
            return
        age = now - (record.get("completed_at") or record["created_at"])
        collections_of_it = [blow for blow in around.of("gc") if age >= blow.age]
        if record["status"] not in TERMINAL or not collections_of_it:
            what = f"gone {age:.2f} s after it was completed or made, and nothing may have collected it"
            self.book.violate(f"the record of job {ident}, {record['status']}, is {what}: {record}", self.story_of(ident))
        self.book.collected.add(ident)

    def judge_ended(self):
        """A moment after their end, so that the end of whoever asked for them is known too."""
        until = time.monotonic() - 0.5 * self.world.patience
        while self.ended and self.ended[0][0] <= until:
            _, record = self.ended.popleft()
            self.book.ends[("job", self.book.record(record))] += 1

    def story_of(self, ident):
        return self.book.jobs.get(ident, (None, None))[0]

    # --- at the end ---

    def open_records(self):
        self.look_at_records()
        open_ones = [ident for ident, version in self.book.records.items() if version.record["status"] not in TERMINAL]
        return open_ones + [record["id"] for _, record in self.ended]

    def missing_records(self):
        return [ident for ident in self.book.jobs if ident not in self.book.records and ident not in self.book.collected]

    def left_on_disk(self):
        left = [*self.home.run_directories(), *self.home.request_files(), *self.home.trash()]
        left += [p for p in self.home.jobs.iterdir() if not p.name.endswith(".json") and p.name not in (".supervisor", ".jobs.lock")]
        return [str(path) for path in left]

    def supervisor_descriptors(self):
        found = seen_by.supervisors(seen_by.look())
        return sorted(descriptors(found[0].pid)) if len(found) == 1 else []
