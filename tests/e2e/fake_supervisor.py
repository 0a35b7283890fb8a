"""A supervisor that does what a test says: it has the lock, the socket and the envelope of docs/protocol.md, no sense."""

import fcntl
import json
import os
import socket
import struct
import time

from processes import PATIENCE


def ofd_lock(file, command, kind=fcntl.F_WRLCK):
    """An open-file-description lock on the whole file. For F_OFD_GETLK: the kind of lock that is in the way."""
    answer = fcntl.fcntl(file, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0))
    return struct.unpack("hhqqi4x", answer)[0]


class Connection:
    """One frontend. It has said hello when there is one of these."""

    def __init__(self, stream):
        self.socket = stream
        self._rest = b""
        verb, number, payload = self.frame()
        assert (verb, number) == ("hello", 0), (verb, number)
        self.hello = json.loads(payload)
        self.frontend = self.hello["frontend"]
        self.kept = None  # what the frontend has said about its lines: the last number, and those that are kept

    def frame(self, seconds=10):
        """The next frame: verb, number, payload (bytes). One about what is kept goes into `kept`."""
        verb, number, payload = self._next_frame(seconds)
        if verb != "kept":
            return verb, number, payload
        assert self.kept is None, "it is said once"
        self.kept = number, json.loads(payload)
        return self.frame(seconds)

    def _next_frame(self, seconds):
        self.socket.settimeout(seconds * PATIENCE)
        while b"\n" not in self._rest:
            piece = self.socket.recv(1 << 20)
            assert piece, f"the frontend closed the connection after {self._rest!r:.200}"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        verb, _, rest = line.partition(b" ")
        number, _, payload = rest.partition(b" ")
        return verb.decode(), int(number), payload

    def expect(self, *expected, seconds=10):
        """The next frame, which must have this verb, and number if given. Returns its number and its payload's JSON."""
        verb, number, payload = self.frame(seconds)
        assert (verb, number)[: len(expected)] == expected, f"{verb} {number} came instead of {expected}"
        return number, json.loads(payload) if payload else None

    def is_silent(self, seconds=0.3):
        """Nothing comes within this time but what is kept, and the connection stays."""
        self.socket.settimeout(seconds)
        try:
            while True:
                piece = self.socket.recv(1 << 20)
                self._rest += piece
                while self._rest.startswith(b"kept ") and b"\n" in self._rest:
                    line, _, self._rest = self._rest.partition(b"\n")
                    self.kept = int(line.split()[1]), json.loads(line.split(b" ", 2)[2])
                if not piece or self._rest:
                    return False
        except TimeoutError:
            return not self._rest

    def ended(self, seconds=10):
        """Waits until the frontend closes the connection; returns the verbs that came before."""
        verbs = []
        try:
            while True:
                verbs.append(self.frame(seconds)[0])
        except AssertionError:
            return verbs

    def send_bytes(self, data, seconds=30):
        self.socket.settimeout(seconds * PATIENCE)
        self.socket.sendall(data)

    def send(self, verb, number=0, payload=None):
        text = "" if payload is None else " " + json.dumps(payload)
        self.send_bytes(f"{verb} {number}{text}\n".encode())

    def welcome(self):
        self.send("welcome", 0, {"protocol": 1, "version": "999.0.0", "live_runs": 0, "queued": 0})
        return self

    def result(self, number, message, value):
        """Answers a JSON-RPC request."""
        self.send("answer", number, {"jsonrpc": "2.0", "id": message["id"], "result": value})

    def progress(self, number, token, count):
        params = {"progressToken": token, "progress": count, "message": f"step {count}"}
        self.send("note", number, {"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def leave(self, reason):
        self.send("leaving", 0, {"reason": reason})
        self.die()

    def die(self):
        self.socket.close()


class FakeSupervisor:
    """Serves a home. A death is the end of a connection: the next one is taken at once, as if by a successor."""

    def __init__(self, home):
        self.home = home
        home.judges = False  # the answers are made up
        self.state = home.root / "fake"
        self.connections = []

    def __enter__(self):
        (self.state / "frontends").mkdir(parents=True)
        self.home.jobs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.state / "s"))
        self.listener.listen(8)
        self.lock = open(self.home.jobs / ".supervisor", "w+")
        ofd_lock(self.lock, fcntl.F_OFD_SETLK)
        entry = {"socket": str(self.state / "s"), "state": str(self.state), "config": "", "version": "999.0.0", "protocol": 1}
        self.lock.write(json.dumps(entry) + "\n")
        self.lock.flush()
        return self

    def __exit__(self, *_):
        for client in self.home.clients:
            if not client.process.stdin.closed:
                client.process.stdin.close()
        for connection in self.connections:
            connection.die()
        self.listener.close()
        for client in self.home.clients:
            client.wait()
        self.lock.close()

    def accept_bare(self, seconds=10):
        """The next frontend's socket, before a word is said."""
        self.listener.settimeout(seconds * PATIENCE)
        return self.listener.accept()[0]

    def accept(self, seconds=10):
        """The next frontend, greeted."""
        connection = Connection(self.accept_bare(seconds))
        self.connections.append(connection)
        return connection.welcome()

    def nobody_comes(self, seconds=0.5):
        """No frontend connects within this time."""
        self.listener.settimeout(seconds)
        try:
            self.listener.accept()[0].close()
        except TimeoutError:
            return True
        return False

    def lives(self, frontend):
        """Whether the lock of that frontend is held."""
        with open(self.state / "frontends" / frontend) as file:
            return ofd_lock(file, fcntl.F_OFD_GETLK) != fcntl.F_UNLCK


def seconds_since(start):
    return time.monotonic() - start
