"""Clients of MCP servers over stdio, with nothing in between."""

import json
import subprocess
import threading
import time

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "0"},
}


def initialize_line():
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE})


def call_line(tool, arguments):
    params = {"name": tool, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params})


class Server:
    """A server and a client that waits for each answer. Not for two threads at once."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self.number = 0
        self.request("initialize", INITIALIZE)
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def send(self, method, params):
        self.number += 1
        self.write({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        return self.number

    def read(self):
        """The next response; notifications are passed over."""
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit(f"bench: {self.process.args[0]} ended instead of answering")
            if line.startswith(b'{"jsonrpc":"2.0","method"'):
                continue
            message = json.loads(line)
            if "id" in message and "method" not in message:
                if "error" in message:
                    raise SystemExit(f"bench: {message['error']}")
                return message

    def request(self, method, params):
        number = self.send(method, params)
        while (answer := self.read())["id"] != number:
            pass
        return answer["result"]

    def call(self, tool, **arguments):
        """The value that the tool answers with."""
        return value_of(self.request("tools/call", {"name": tool, "arguments": arguments}))

    def timed_call(self, tool, **arguments):
        """Seconds, and the value."""
        begin = time.perf_counter()
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        return time.perf_counter() - begin, value_of(result)

    def calls_at_once(self, tool, many):
        """Sends all, then waits for all: the seconds, and the values in the order of the answers."""
        begin = time.perf_counter()
        reader = Reader(self, len(many))
        for arguments in many:
            self.send("tools/call", {"name": tool, "arguments": arguments})
        results = reader.wait()
        return time.perf_counter() - begin, [value_of(answer["result"]) for answer in results]

    @property
    def pid(self):
        return self.process.pid

    def close(self, patience=30):
        self.process.stdin.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Reader(threading.Thread):
    """Reads so many responses beside the one who writes the requests: neither side waits for the other."""

    def __init__(self, server, count):
        super().__init__(daemon=True)
        self.server, self.count, self.answers = server, count, []
        self.start()

    def run(self):
        while len(self.answers) < self.count:
            self.answers.append(self.server.read())

    def wait(self):
        self.join()
        if len(self.answers) < self.count:
            raise SystemExit("bench: not every call was answered")
        return self.answers


def value_of(result):
    return json.loads(result["content"][0]["text"])


def check(result):
    """A DispatchResult or a record that must have gone well."""
    if not (result.get("success") or result.get("status") == "done"):
        raise SystemExit(f"bench: a dispatch failed: {result}")
    return result
