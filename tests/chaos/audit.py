"""What must hold at any time and at the end: processes, slots, records, memory, descriptors."""

import collections
import json
import os
import time

import processes_seen as seen_by
from book import TERMINAL
from processes import descriptors, environment, resident_bytes, working_directory

DEPTH = 3  # settings.max_dispatch_depth
LEGAL_STEPS = {("pending", "running"), *((a, b) for a in ("pending", "running") for b in TERMINAL)}


class Audit:
    def __init__(self, world):
        self.world, self.book, self.home = world, world.book, world.home
        self.peaks = collections.Counter()  # what: the most there was
        self._next_records = 0

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

    def look_at_records(self):
        """Those that have changed are whole, their states legal, and what is terminal stays."""
        here = set()
        try:
            entries = list(os.scandir(self.home.jobs))
        except FileNotFoundError:
            return
        for entry in entries:
            if not entry.name.endswith(".json") or entry.name.startswith("."):
                continue
            try:
                status = entry.stat()
            except FileNotFoundError:
                continue
            ident = entry.name.removesuffix(".json")
            here.add(ident)
            identity = (status.st_ino, status.st_size, status.st_ctime_ns)
            before = self.book.records.get(ident)
            if before and before[0] == identity:
                continue
            self.check_record(ident, identity, before)
        for ident in [i for i in self.book.records if i not in here]:
            _, status, _ = self.book.records.pop(ident)
            if not self.book.blows.get("gc"):
                self.book.violate(f"the record of job {ident}, {status}, is gone, and nobody has collected it", self.story_of(ident))
            self.book.collected.add(ident)

    def story_of(self, ident):
        return self.book.jobs.get(ident, (None, None))[0]

    def check_record(self, ident, identity, before):
        try:
            text = (self.home.jobs / f"{ident}.json").read_bytes()
        except FileNotFoundError:
            return
        try:
            record = json.loads(text)
        except ValueError:
            self.book.violate(f"the record of job {ident} is not whole: {text[:500]!r}", self.story_of(ident))
        if record.get("id") != ident:
            self.book.violate(f"the record of job {ident} is another's: {record}", self.story_of(ident))
        now = (identity, record["status"], record.get("completed_at"))
        self.book.records[ident] = now
        if before and before[1] != now[1] and (before[1], now[1]) not in LEGAL_STEPS:
            self.book.violate(f"job {ident} went from {before[1]} to {now[1]}: {record}", self.story_of(ident))
        if before and before[1] in TERMINAL and before[2] != now[2]:
            self.book.violate(f"job {ident} was completed at {before[2]}, and again at {now[2]}: {record}", self.story_of(ident))
        if not before or before[1] != now[1]:
            how = self.book.record(record)
            if now[1] in TERMINAL:
                self.book.ends[("job", how)] += 1

    # --- at the end ---

    def open_records(self):
        self.look_at_records()
        return [ident for ident, (_, status, _) in self.book.records.items() if status not in TERMINAL]

    def missing_records(self):
        return [ident for ident in self.book.jobs if ident not in self.book.records and ident not in self.book.collected]

    def left_on_disk(self):
        left = [*self.home.run_directories(), *self.home.request_files(), *self.home.trash()]
        left += [p for p in self.home.jobs.iterdir() if not p.name.endswith(".json") and p.name not in (".supervisor", ".jobs.lock")]
        return [str(path) for path in left]

    def supervisor_descriptors(self):
        found = seen_by.supervisors(seen_by.look())
        return sorted(descriptors(found[0].pid)) if len(found) == 1 else []
