"""Those who ask: relays as AI clients start them, and commands. All of them in one thread, never waiting for any."""

import json
import os
import selectors
import signal
import subprocess
import time

from harness import PROGRAMS
from processes import children, program


class Loop:
    """Pipes, timers and children of this process."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._timers = []
        self.children = {}  # pid: what to call with its exit code

    def watch(self, stream, take):
        """take(bytes) for what comes; b"" at the end. The loop closes the stream then."""
        os.set_blocking(stream.fileno(), False)
        self._selector.register(stream, selectors.EVENT_READ, take)

    def watch_writable(self, stream, proceed):
        self._selector.register(stream, selectors.EVENT_WRITE, proceed)

    def forget(self, stream):
        try:
            self._selector.unregister(stream)
        except (KeyError, ValueError):
            pass

    def later(self, seconds, act):
        self._timers.append((time.monotonic() + seconds, act))

    def turn(self, seconds):
        """What is there now, or within so many seconds."""
        for key, events in self._selector.select(seconds):
            if events & selectors.EVENT_WRITE:
                key.data()
                continue
            try:
                data = os.read(key.fd, 1 << 18)
            except BlockingIOError:
                continue
            if not data:
                self._selector.unregister(key.fileobj)
                key.fileobj.close()
            key.data(data)
        self._reap()
        now = time.monotonic()
        due = [act for at, act in self._timers if at <= now]
        if due:
            self._timers = [timer for timer in self._timers if timer[0] > now]
            for act in due:
                act()

    def _reap(self):
        """Children, and what was handed to us as subreaper."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self.children.pop(pid, None)
            if ended:
                ended(os.waitstatus_to_exitcode(status))

    def start(self, words, environment, directory, on_end, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE):
        process = subprocess.Popen(
            words, env=environment, cwd=directory, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip

        def ended(code):
            process.returncode = code
            on_end(code)

        self.children[process.pid] = ended
        return process


class Relay:
    """`agent-dispatch serve`. `on_death(relay)`: it has ended. Requests: {id: what takes the answer}."""

    def __init__(self, loop, home, index, shift, on_death, on_stray):
        self.loop, self.index, self.on_death, self.on_stray = loop, index, on_death, on_stray
        self.requests, self.answered, self.lines = {}, set(), 0
        self._by_token, self._progress = {}, {}  # of requests that asked for progress
        self.doomed = self.dead = self.closing = False
        self.code = None
        self._next, self._out, self._in = 0, b"", b""
        words = [str(PROGRAMS / "agent-dispatch"), "serve"]
        if shift:
            words = ["unshare", "--time", f"--monotonic={shift}", f"--boottime={shift}", "--fork", "--kill-child", "--", *words]
        self.is_shifted = bool(shift)
        self.errors = home.root / f"serve-{index}.err"
        with open(self.errors, "ab") as errors:
            self.process = loop.start(words, home.environment, home.root, self._ended, subprocess.PIPE, errors)
        os.set_blocking(self.process.stdin.fileno(), False)
        loop.watch(self.process.stdout, self._take)
        self._gone = {"output", "process"}
        self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "chaos", "version": "0"}}, lambda m: None)
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def pid(self):
        """Of the relay itself, None while it is not there."""
        if not self.is_shifted:
            return self.process.pid
        for pid in children(self.process.pid):
            if program(pid) == "agent-dispatch":
                return pid
        return None

    def ask(self, method, params, take):
        self._next += 1
        self.requests[self._next] = take
        self.say({"jsonrpc": "2.0", "id": self._next, "method": method, "params": params})
        return self._next

    def call(self, tool, arguments, take, token=None):
        params = {"name": tool, "arguments": arguments}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        identity = self.ask("tools/call", params, take)
        if token is not None:
            self._by_token[token] = identity
        return identity

    def cancel(self, identity):
        self.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": identity}})

    def say(self, message):
        if self.dead or self.process.stdin.closed:
            return
        was_empty = not self._out
        self._out += json.dumps(message).encode() + b"\n"
        if was_empty:
            self._write()
            if self._out:
                self.loop.watch_writable(self.process.stdin, self._go_on_writing)

    def _write(self):
        try:
            self._out = self._out[os.write(self.process.stdin.fileno(), self._out) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._out = b""

    def _go_on_writing(self):
        self._write()
        if not self._out:
            self.loop.forget(self.process.stdin)
            if self.closing:
                self.process.stdin.close()

    def close(self):
        """As a client that ends."""
        self.closing = self.doomed = True
        if not self._out and not self.process.stdin.closed:
            self.process.stdin.close()

    def _take(self, data):
        if not data:
            self._leave("output")
            return
        *lines, self._in = (self._in + data).split(b"\n")
        for line in lines:
            self.lines += 1
            self._sort(line)

    def _sort(self, line):
        try:
            message = json.loads(line)
        except ValueError:
            self.on_stray(self, f"what is no JSON: {line[:200]!r}")
            return
        if "method" in message:
            if message["method"] == "notifications/progress":
                self._note_progress(message["params"])
            return
        identity = message.get("id")
        take = self.requests.pop(identity, None)
        if take is None:
            what = "a second answer" if identity in self.answered else "an answer to nothing"
            self.on_stray(self, f"{what}: {line[:500]!r}")
            return
        self.answered.add(identity)
        take(message)

    def _note_progress(self, params):
        """It only grows, and there is none after the answer."""
        token, number = params["progressToken"], params["progress"]
        before = self._progress.get(token, 0)
        if number <= before:
            self.on_stray(self, f"progress {number} after {before}: {params}")
        if self._by_token.get(token) in self.answered:
            self.on_stray(self, f"progress after the answer: {params}")
        self._progress[token] = number

    def _ended(self, code):
        self.code = code
        self._leave("process")

    def _leave(self, what):
        self._gone.discard(what)
        if self._gone:
            return
        self.dead = True
        self.loop.forget(self.process.stdin)
        try:
            self.process.stdin.close()
        except OSError:
            pass
        self.on_death(self)


class Command:
    """`agent-dispatch WORDS`. `take(command)` when it has ended: `code`, `out`, `err`, `doomed` (it was ended by us)."""

    def __init__(self, loop, home, words, take):
        self.words, self.take, self.out, self.err, self.code, self.doomed = words, take, b"", b"", None, False
        self.process = loop.start([str(PROGRAMS / "agent-dispatch"), *words], home.environment, home.root, self._ended)
        self._gone = {"out", "err", "process"}
        loop.watch(self.process.stdout, lambda data: self._take("out", data))
        loop.watch(self.process.stderr, lambda data: self._take("err", data))

    def _take(self, which, data):
        if data:
            setattr(self, which, getattr(self, which) + data)
        else:
            self._leave(which)

    def _ended(self, code):
        self.code = code
        self._leave("process")

    def _leave(self, what):
        self._gone.discard(what)
        if not self._gone:
            self.take(self)

    def strike(self, number):
        if self.code is None:
            self.doomed = True
            os.kill(self.process.pid, number)


TERMINATE, KILL, STOP, CONTINUE, INTERRUPT = signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT, signal.SIGINT
