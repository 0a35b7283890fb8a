"""An MCP client over stdio, in plain Python: it says exactly what a test wants it to say."""

import json
import os
import queue
import signal
import subprocess
import threading
import time

from mcp_schemas import HANDSHAKE_REVISIONS as HANDSHAKE_REVISIONS
from mcp_schemas import problems_of_answer, problems_of_message
from processes import PATIENCE

REVISION_KEY = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"


class Pending:
    """A request that is under way."""

    def __init__(self, client, identity, method, params, revision):
        self.client = client
        self.identity = identity
        self.method, self.params, self.revision = method, params if isinstance(params, dict) else {}, revision
        self.answered_at = None
        self._answer = queue.Queue()

    def wait(self, seconds=30):
        """The whole response object."""
        try:
            return self._answer.get(timeout=seconds * PATIENCE)
        except queue.Empty:
            raise AssertionError(
                f"request {self.identity!r} was not answered within {seconds * PATIENCE:g} s; "
                f"the server {self.client.condition()}"
            ) from None

    def answered(self):
        return not self._answer.empty()

    def put(self, response):
        self.answered_at = time.monotonic()
        self._answer.put(response)


class McpClient:
    """Starts a server and speaks to it. `notifications` holds (arrival time, message) in order of arrival."""

    def __init__(self, command, environment, directory, stderr, **options):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            cwd=directory,
            start_new_session=True,
            **options,
        )
        self.lines = []  # all that was said, as it came
        self.notifications = []
        self.unmatched = []
        self.garbage = []
        self.revision = HANDSHAKE_REVISIONS[-1]  # of the handshake
        self.stateless = None  # a revision that each request says by itself
        self.capabilities = {}  # that it declares
        self.tools = {}  # as they were listed last
        self.invalid = []  # what was wrong with messages, by the schemas
        self.is_judged = True
        self._pending = {}
        self._next = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            try:
                message = json.loads(line)
            except ValueError:
                self.garbage.append(line)
                continue
            for part in message if isinstance(message, list) else [message]:
                self._sort(part)
            with self._changed:
                self._changed.notify_all()

    def _sort(self, message):
        if "method" in message:
            if self.is_judged:
                self.invalid += problems_of_message(self.stateless or self.revision, message)
            self.notifications.append((time.monotonic(), message))
            return
        with self._lock:
            pending = self._pending.pop(message.get("id"), None)
        if pending is None:
            self.unmatched.append(message)
        else:
            self._check(pending, message)
            pending.put(message)

    def _check(self, pending, message):
        result = message.get("result", {})
        if not self.is_judged or not isinstance(result, dict):
            return
        if pending.method == "initialize":
            pending.revision = self.revision = result.get("protocolVersion", self.revision)
        self.invalid += problems_of_message(pending.revision, message, pending.method)
        if pending.method == "tools/list":
            self.tools = {tool["name"]: tool for tool in result.get("tools", [])}
        if pending.method == "tools/call" and pending.params.get("name") in self.tools:
            self.invalid += problems_of_answer(self.tools[pending.params["name"]], result)

    def condition(self):
        code = self.process.poll()
        return "is running" if code is None else f"has ended with {code}"

    def send_bytes(self, data):
        with self._writing:
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def send(self, message):
        self.send_bytes(json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")

    def notify(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method} | ({} if params is None else {"params": params}))

    def start(self, method, params=None, identity=None):
        """Sends a request; its answer is waited for with .wait()."""
        if self.stateless is not None:
            meta = {REVISION_KEY: self.stateless, CAPABILITIES_KEY: self.capabilities} | (params or {}).get("_meta", {})
            params = (params or {}) | {"_meta": meta}
        meta = params.get("_meta", {}) if isinstance(params, dict) else {}
        revision = meta.get(REVISION_KEY, self.revision)
        with self._lock:
            self._next += 1
            identity = self._next if identity is None else identity
            pending = self._pending[identity] = Pending(self, identity, method, params, revision)
        self.send({"jsonrpc": "2.0", "id": identity, "method": method} | ({} if params is None else {"params": params}))
        return pending

    def request(self, method, params=None, seconds=30):
        return self.start(method, params).wait(seconds)

    def initialize(self, revision="2025-11-25"):
        answer = self.request(
            "initialize",
            {"protocolVersion": revision, "capabilities": self.capabilities, "clientInfo": {"name": "test", "version": "0"}},
        )
        self.notify("notifications/initialized")
        assert "result" in answer, answer
        return answer["result"]

    def start_call(self, tool, arguments=None, token=None):
        params = {"name": tool, "arguments": arguments or {}}
        if token is not None:
            params["_meta"] = {"progressToken": token}
        return self.start("tools/call", params)

    def call(self, tool, arguments=None, token=None, seconds=30):
        """The result of a tool call: whole, as the protocol has it."""
        answer = self.start_call(tool, arguments, token).wait(seconds)
        assert "result" in answer, answer
        assert "result" in answer, answer
        return answer["result"]

    def value(self, tool, arguments=None, seconds=30):
        """What a tool answered: the JSON in its text."""
        return text_value(self.call(tool, arguments, seconds=seconds))

    def cancel(self, pending, reason="test"):
        self.notify("notifications/cancelled", {"requestId": pending.identity, "reason": reason})

    def wait_notification(self, matches, seconds=10):
        """The first notification, past or to come, for which matches(message) is true."""
        deadline = time.monotonic() + seconds * PATIENCE
        with self._changed:
            while True:
                for _, message in self.notifications:
                    if matches(message):
                        return message
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no such notification came; there were {[m for _, m in self.notifications]}")
                self._changed.wait(left)

    def wait_change(self, condition, seconds=10, what="condition"):
        """Until condition() is true; it is asked again after each message of the server."""
        with self._changed:
            if not self._changed.wait_for(condition, seconds * PATIENCE):
                raise AssertionError(
                    f"not within {seconds * PATIENCE:g} s: {what}; the server {self.condition()}; it said last: {self.lines[-3:]}"
                )

    def progress(self, token):
        """(arrival time, params) of each progress notification of this token."""
        return [
            (at, message["params"])
            for at, message in self.notifications
            if message["method"] == "notifications/progress" and message["params"]["progressToken"] == token
        ]

    def close(self, seconds=10):
        """Ends the server the way clients do, by closing its stdin. Returns its exit code."""
        if not self.process.stdin.closed:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        return self.wait(seconds)

    def end_with(self, number, seconds=10):
        self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=10):
        try:
            code = self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise AssertionError(f"the server did not end within {seconds * PATIENCE:g} s") from None
        self._reader.join(5)
        assert not self.invalid, "\n".join(self.invalid[:10])
        assert not self.garbage, f"there was more than protocol on stdout: {self.garbage[:3]}"
        return code


def text_value(result):
    """The JSON value in the one text content of a tool's result."""
    assert len(result["content"]) == 1 and result["content"][0]["type"] == "text", result
    return json.loads(result["content"][0]["text"])
