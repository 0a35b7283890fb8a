"""What is done to the world, and undone. Only processes below this one are touched, by pid."""

import os
import resource
import time

import processes_seen as seen_by
from callers import CONTINUE, INTERRUPT, KILL, STOP, TERMINATE
from decisions import SLOTS
from processes import children, program

SCRAPS = ["agents: [", "{", "\x00\x01", "agents:\n  a0: 7\n", "settings:\n  max_concurrency: many\n"]


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class Disasters:
    def __init__(self, world, leaves_descriptors=False):
        self.leaves_descriptors = leaves_descriptors
        self.world, self.book, self.loop, self.home = world, world.book, world.loop, world.home
        self.undone = set()  # what is still to be undone: functions
        self.filler = self.home.root / "disk" / "filler"
        self.edits = 0
        self.hunted = 0  # holders that are to be killed as soon as they are there

    def strike(self, decision):
        getattr(self, decision["do"].replace(" --", "_").replace("-", "_").replace(" ", "_"))(decision)

    def undo_after(self, seconds, undo):
        def once():
            if once in self.undone:
                self.undone.discard(once)
                undo()

        self.undone.add(once)
        self.loop.later(seconds, once)

    def undo_all(self):
        for undo in list(self.undone):
            undo()

    def count(self, decision):
        self.book.struck[decision["do"]] += 1

    @staticmethod
    def chosen(found, decision):
        return found[int(decision["pick"] * len(found))] if found else None

    # --- the supervisor ---

    def kill_supervisor(self, decision):
        victim = self.chosen(seen_by.supervisors(seen_by.look()), decision)
        if victim and send(victim.pid, KILL):
            self.count(decision)
            self.book.once("supervisor dies", detail=str(victim.pid))

    def kill_supervisor_and_the_next(self, decision):
        before = [p.pid for p in seen_by.supervisors(seen_by.look())]
        self.kill_supervisor(decision)
        until = time.monotonic() + 3

        def next_one():
            found = [p for p in seen_by.supervisors(seen_by.look()) if p.pid not in before]
            if found and send(found[0].pid, KILL):
                self.count(decision)
                self.book.once("supervisor dies", detail=f"{found[0].pid}, as it started")
            elif time.monotonic() < until:
                self.loop.later(0.005, next_one)

        next_one()

    def end_supervisor(self, decision):
        victim = self.chosen(seen_by.supervisors(seen_by.look()), decision)
        if victim and send(victim.pid, TERMINATE):
            self.count(decision)
            self.book.once("supervisor leaves", aftermath=8, detail=str(victim.pid))
            self.hunt_holder()

    def stop_keep_runs(self, decision):
        self.count(decision)
        story = self.world.story("stop --keep-runs", [], "command")
        story.blow = self.book.strike("supervisor leaves", aftermath=8, detail="stop --keep-runs")
        self.world.command(story, ["stop", "--keep-runs", "--json"], lambda v: self.world.anything(story, v))
        self.hunt_holder()

    def freeze(self, decision, pid, kind, session=None):
        if pid is None or not send(pid, STOP):
            return
        self.count(decision)
        blow = self.book.strike(kind, session=session, aftermath=5, detail=str(pid))

        def wake():
            send(pid, CONTINUE)
            self.book.over(blow)

        self.undo_after(decision["seconds"], wake)

    def freeze_supervisor(self, decision):
        victim = self.chosen(seen_by.supervisors(seen_by.look()), decision)
        self.freeze(decision, victim and victim.pid, "freeze supervisor")

    def kill_holder(self, decision):
        """The next one: it is there only from the leave of a supervisor with a queue to the start of the one after it."""
        self.hunted += 1

    def hunt_holder(self):
        until = time.monotonic() + 3

        def look():
            victim = next(iter(seen_by.holders(seen_by.look())), None)
            if victim and send(victim.pid, KILL):
                self.hunted -= 1
                self.count({"do": "kill holder"})
                self.book.once("kill holder", detail=str(victim.pid))
            elif time.monotonic() < until:
                self.loop.later(0.005, look)

        if self.hunted:
            look()

    # --- runs ---

    def keeper(self, decision):
        """(pid, session of its CLI or None)"""
        victim = self.chosen(seen_by.keepers(seen_by.look()), decision)
        if victim is None:
            return None, None
        sessions = [seen_by.session(pid) for pid in children(victim.pid) if program(pid) == "claude"]
        return victim.pid, next(filter(None, sessions), None)

    def hit_keeper(self, decision, number, kind):
        pid, session = self.keeper(decision)
        # Noted first: its end may be told before this goes on.
        if pid and send(pid, 0):
            self.count(decision)
            blow = self.book.strike(kind, session=session, detail=str(pid), aftermath=10)
            send(pid, number)
            self.book.over(blow)

    def kill_keeper(self, decision):
        self.hit_keeper(decision, KILL, "kill keeper")

    def end_keeper(self, decision):
        self.hit_keeper(decision, TERMINATE, "end keeper")

    def freeze_keeper(self, decision):
        pid, session = self.keeper(decision)
        self.freeze(decision, pid, "freeze keeper", session)

    def hit_agent(self, decision, number, kind):
        victim = self.chosen(seen_by.agents(seen_by.look()), decision)
        if victim:
            session = seen_by.session(victim.pid)
            if send(victim.pid, number):
                self.count(decision)
                self.book.once(kind, session=session, detail=str(victim.pid), aftermath=10)

    def kill_CLI(self, decision):
        self.hit_agent(decision, KILL, "kill CLI")

    def end_CLI(self, decision):
        self.hit_agent(decision, TERMINATE, "end CLI")

    def freeze_CLI(self, decision):
        victim = self.chosen(seen_by.agents(seen_by.look()), decision)
        self.freeze(decision, victim and victim.pid, "freeze CLI", victim and seen_by.session(victim.pid))

    # --- frontends ---

    def relay(self, decision):
        relay = self.world.relay_at(decision["pick"])
        return (relay, relay.pid()) if relay else (None, None)

    def hit_relay(self, decision, number):
        relay, pid = self.relay(decision)
        if pid is None:
            return
        relay.doomed, relay.pause = True, decision["seconds"]
        self.count(decision)
        self.book.once("frontend dies", detail=f"frontend {relay.index}")
        send(pid, CONTINUE)
        send(pid, number)

    def kill_relay(self, decision):
        self.hit_relay(decision, KILL)

    def end_relay(self, decision):
        self.hit_relay(decision, TERMINATE)

    def close_relay(self, decision):
        relay, pid = self.relay(decision)
        if relay:
            relay.pause = decision["seconds"]
            self.count(decision)
            self.book.once("frontend dies", detail=f"frontend {relay.index}")
            relay.close()

    def freeze_relay(self, decision):
        relay, pid = self.relay(decision)
        self.freeze(decision, pid, "freeze relay")

    def hit_command(self, decision, number):
        victim = self.chosen(sorted(self.world.commands, key=lambda c: c.process.pid), decision)
        if victim and victim.code is None:
            self.count(decision)
            victim.strike(number)

    def kill_command(self, decision):
        self.hit_command(decision, KILL)

    def interrupt_command(self, decision):
        self.hit_command(decision, INTERRUPT)

    # --- what it stands on ---

    def fill_disk(self, decision):
        if not self.world.has_disk or self.filler.exists():
            return
        self.count(decision)
        leave = [0, 0, 16 << 10, 1 << 20][int(decision["length"] * 4)]
        blow = self.book.strike("fill disk", aftermath=15, detail=f"all but {leave} bytes")
        room = os.statvfs(self.filler.parent)
        with open(self.filler, "wb") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, max(4096, room.f_bavail * room.f_frsize - leave))
            except OSError:
                pass

        def empty():
            self.filler.unlink(missing_ok=True)
            self.book.over(blow)

        self.undo_after(decision["seconds"], empty)

    def take_descriptors(self, decision):
        victim = self.chosen(seen_by.supervisors(seen_by.look()), decision)
        if victim is None or self.leaves_descriptors:
            return
        try:
            used = len(os.listdir(f"/proc/{victim.pid}/fd"))
            soft, hard = resource.prlimit(victim.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, (used + int(decision["length"] * 6), hard))
        except OSError:
            return
        self.count(decision)
        blow = self.book.strike("take descriptors", aftermath=10, detail=f"{victim.pid}: {used} used")

        def give():
            try:
                resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, (soft, hard))
            except OSError:
                pass
            self.book.over(blow)

        self.undo_after(decision["seconds"], give)

    def edit_configuration(self, decision):
        if self.broken():
            return
        self.count(decision)
        self.edits += 1
        slots = SLOTS[int(decision["pick"] * len(SLOTS))]
        self.world.settings["max_concurrency"] = slots
        self.world.slots_since.append((time.monotonic(), slots))
        self.world.write_config(self.edits)

    def broken(self):
        return any(b.end == float("inf") for kind in ("break configuration", "remove configuration") for b in self.book.blows[kind])

    def without_configuration(self, decision, spoil):
        if self.broken():
            return
        self.count(decision)
        blow = self.book.strike(decision["do"], aftermath=3)
        spoil()

        def mend():
            self.world.write_config(self.edits)
            self.book.over(blow)

        self.undo_after(decision["seconds"], mend)

    def break_configuration(self, decision):
        self.without_configuration(decision, lambda: self.world.put_config(SCRAPS[int(decision["length"] * len(SCRAPS))]))

    def remove_configuration(self, decision):
        self.without_configuration(decision, lambda: self.home.config.unlink(missing_ok=True))

    def remove_directory(self, decision):
        name = self.chosen(sorted(self.world.parallel_of), decision)
        place = self.home.root / "agents" / name
        away = place.with_suffix(".away")
        if not place.exists():
            return
        self.count(decision)
        blow = self.book.strike("remove directory", detail=name)
        place.rename(away)

        def back():
            away.rename(place)
            self.book.over(blow)

        self.undo_after(decision["seconds"], back)

    def shift_times(self, decision):
        """Files of the state get times of last year, or of next week."""
        self.count(decision)
        when = time.time() + (-400 if decision["length"] < 0.5 else 7) * 86_400
        for pattern in ("state/agent-dispatch/*/runs/*", "state/agent-dispatch/*/runs/*/*", "state/agent-dispatch/*/requests/*", "jobs/*.json"):
            for path in sorted((self.home.root / "disk").glob(pattern))[:20]:
                try:
                    os.utime(path, (when, when))
                except OSError:
                    pass
