"""A supervisor that says what a test tells it to: for what frontends do when a supervisor answers, or does not."""

import json
import socket
import threading


class Gone(Exception):
    """Ends the connection without an answer, as a supervisor does that is killed."""


class ScriptedSupervisor:
    """Listens where frontends of `home` look. `answer(method, params, note)` gives the result of each call; `note(text)`
    sends progress; raising Gone closes the connection."""

    def __init__(self, home, answer):
        self.answer, self.calls, self.failure = answer, [], None
        home.jobs.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home.state / "scripted" / "frontends").mkdir(mode=0o700, parents=True, exist_ok=True)
        self.entry = home.jobs / ".supervisor"
        path = home.root / "scripted.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.entry.write_text(
            json.dumps({"socket": str(path), "state": str(home.state / "scripted"), "config": str(home.config), "protocol": 1})
        )
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.entry.unlink()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.listener.close()
        if self.failure:
            raise self.failure

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            try:
                with connection, connection.makefile("rwb") as stream:
                    self.converse(stream)
            except (OSError, Gone):
                pass
            except Exception as problem:  # for the test's own thread to raise
                self.failure = problem

    def converse(self, stream):
        def send(verb, number, payload):
            stream.write(f"{verb} {number} {json.dumps(payload)}\n".encode())
            stream.flush()

        for line in stream:
            verb, number, payload = (line.decode().rstrip("\n").split(" ", 2) + [""])[:3]
            if verb == "hello":
                # An older version than the frontend's would be replaced.
                send("welcome", 0, {"protocol": 1, "version": json.loads(payload)["version"], "live_runs": 1, "queued": 0})
            elif verb == "msg":
                call = json.loads(payload)
                self.calls.append((call["method"], call.get("params")))

                def note(text):
                    send("note", number, {"jsonrpc": "2.0", "method": "progress", "params": {"id": call["id"], "text": text}})

                result = self.answer(call["method"], call["params"], note)
                send("answer", number, {"jsonrpc": "2.0", "id": call["id"], "result": result})
