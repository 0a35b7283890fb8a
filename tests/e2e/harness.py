"""A home of its own for each test: configuration, state, environment, programs, and what is left of them at the end."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from mcp_client import McpClient
from processes import PATIENCE, alive, describe, descendants, kill, program, reap, wait_until

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("AGENT_DISPATCH_BUILD", ROOT / "build" / "dev")).resolve()
PROGRAMS = BUILD / "bin"
STAND_IN = PROGRAMS / "support" / "claude"


class Answer:
    """How a command ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n-- stdout\n{self.out}\n-- stderr\n{self.err}"


class Home:
    """Directories, environment and configuration of one test. Nothing outside `root` is touched."""

    def __init__(self, root, claude=STAND_IN):
        self.root = Path(root)
        self.home, self.bin, self.state = self.root / "home", self.root / "bin", self.root / "state"
        self.runtime, self.config_dir = self.root / "run", self.root / "config"
        for place in (self.home, self.bin, self.state, self.runtime, self.config_dir, self.root / "tmp"):
            place.mkdir(parents=True, exist_ok=True)
        self.runtime.chmod(0o700)
        self.config = self.config_dir / "agents.yaml"
        self.jobs = self.config_dir / "jobs"
        self.clients, self.started = [], []
        self.frozen = None  # the pid of a supervisor that is stopped
        self.judges = True  # whether what servers say is held against the official schemas
        if claude is not None:
            (self.bin / "claude").symlink_to(claude)
        self.environment = {
            "PATH": f"{self.bin}:{PROGRAMS}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "TMPDIR": str(self.root / "tmp"),
            "LANG": "C.UTF-8",
            "XDG_CONFIG_HOME": str(self.root / "xdg-config"),
            "XDG_STATE_HOME": str(self.state),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "AGENT_DISPATCH_CONFIG": str(self.config),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = f"{os.environ[name]}:log_path={self.root}/sanitizer"

    # --- configuration ---

    def agent_directory(self, name):
        place = self.root / "agents" / name
        place.mkdir(parents=True, exist_ok=True)
        return place

    def write_config(self, agents, settings=None, **rest):
        """agents.yaml from plain values: {name: {…}}; `directory` is made up where none is given."""
        for name, agent in agents.items():
            agent.setdefault("directory", str(self.agent_directory(name)))
        # JSON is YAML.
        content = {"agents": agents} | ({"settings": settings} if settings else {}) | rest
        self.config.write_text(json.dumps(content, indent=1, ensure_ascii=False))

    # --- programs ---

    def env(self, **more):
        """The environment with changes; None removes."""
        changed = self.environment | {name: value for name, value in more.items() if value is not None}
        return {name: value for name, value in changed.items() if more.get(name, "") is not None}

    def start(self, *words, env=None, stdin=subprocess.DEVNULL, **options):
        """Starts `agent-dispatch WORDS` and returns its Popen."""
        process = subprocess.Popen(
            [str(PROGRAMS / "agent-dispatch"), *map(str, words)],
            env=env or self.environment,
            cwd=options.pop("cwd", self.root),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="surrogateescape",
            start_new_session=True,
            **options,
        )
        self.started.append(process)
        return process

    def finish(self, process, seconds=30):
        try:
            out, err = process.communicate(timeout=seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(
                f"{' '.join(process.args)[:200]} did not end within {seconds * PATIENCE:g} s\n{Answer(None, out, err)}"
            ) from None
        return Answer(process.returncode, out, err)

    def cli(self, *words, seconds=30, env=None, **options):
        """Runs `agent-dispatch WORDS` to its end."""
        return self.finish(self.start(*words, env=env, **options), seconds)

    def dispatch(self, agent, task, *words, seconds=60, env=None):
        """`agent-dispatch dispatch … --json`: the DispatchResult."""
        answer = self.cli("dispatch", agent, task, "--json", *words, seconds=seconds, env=env)
        assert answer.out.strip(), answer
        result = answer.json()
        if "success" in result:
            assert answer.code == (0 if result["success"] else 1), answer
        return result

    def serve(self, *words, env=None, initialize=True, **options):
        """An MCP client connected to `agent-dispatch serve`."""
        errors = open(self.root / f"serve-{len(self.clients)}.err", "wb")
        with errors:
            command = [str(PROGRAMS / "agent-dispatch"), "serve", *words]
            client = McpClient(command, env or self.environment, self.root, errors, **options)
        client.is_judged = self.judges
        self.clients.append(client)
        if initialize:
            client.initialize()
        return client

    def status(self, **options):
        answer = self.cli("status", "--json", **options)
        assert answer.code == 0, answer
        return answer.json()

    def supervisors(self):
        """Pids of live supervisors below this test."""
        return [pid for pid in descendants() if program(pid) == "agent-dispatchd"]

    def keepers(self):
        return [pid for pid in descendants() if program(pid) == "agent-dispatch-run" and not self.is_holder(pid)]

    def holders(self):
        """Of what a supervisor leaves to the next one."""
        return [pid for pid in descendants() if program(pid) == "agent-dispatch-run" and self.is_holder(pid)]

    @staticmethod
    def is_holder(pid):
        try:
            return b"\0--hold\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    def agents_running(self):
        """Pids of the CLIs that runs have started, whichever they are."""
        return [pid for pid in descendants() if program(pid) == "claude"]

    def freeze_supervisor(self):
        """It does nothing any more, until it is killed."""
        self.frozen = self.status()["pid"]
        kill(self.frozen, signal.SIGSTOP)

    def kill_supervisor(self):
        """kill -9, and waits until it is gone. Returns its pid."""
        pid = self.frozen or wait_until(lambda: self.status().get("pid"), what="a supervisor to kill")
        self.frozen = None
        kill(pid)
        wait_until(lambda: not alive(pid))
        return pid

    # --- jobs ---

    def job(self, agent, task, *words, env=None):
        """`agent-dispatch dispatch --async`: the id of the job."""
        answer = self.cli("dispatch", "--async", agent, task, "--json", *words, env=env)
        assert answer.code == 0, answer
        return answer.json()["job_id"]

    def record_file(self, ident):
        return self.jobs / f"{ident}.json"

    def record(self, ident):
        """The record of a job as its file has it."""
        return json.loads(self.record_file(ident).read_bytes())

    def wait_for_status(self, ident, *wanted, seconds=20):
        """The record, once its status is one of these."""
        return wait_until(
            lambda: (record := self.record(ident))["status"] in wanted and record,
            seconds,
            f"job {ident} is {' or '.join(wanted)}",
        )

    def ended_job(self, ident, seconds=20):
        return self.wait_for_status(ident, "done", "failed", "cancelled", seconds=seconds)

    def request_files(self):
        """Those that are whole: while one is written, it has a name with a dot in front."""
        return sorted(self.state.glob("agent-dispatch/*/requests/[!.]*"))

    def trash(self):
        return sorted(self.state.glob("agent-dispatch/*/trash/*"))

    def run_directories(self):
        return sorted(entry for entry in self.state.glob("agent-dispatch/*/runs/*") if entry.is_dir())

    def logs(self):
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.state.glob("agent-dispatch/*/*log*")) if path.is_file())

    # --- the end ---

    def stop(self):
        """Ends everything of this home. Returns what was not as it should be."""
        complaints = []
        for client in self.clients:
            try:
                client.close()
            except AssertionError as problem:
                complaints.append(f"serve: {problem}")
        try:
            self.cli("stop", "--now")
        except AssertionError as problem:
            complaints.append(f"stop --now: {problem}")
        for process in self.started:
            if process.poll() is None:
                complaints.append(f"the test left a command running: {process.args}")
                process.kill()
                process.communicate()
        return complaints

    def inspect(self):
        """What is wrong with the files that are left, once no process is."""
        complaints = []
        if self.run_directories():
            complaints.append(f"run directories were left: {[str(entry) for entry in self.run_directories()]}")
        for report in sorted(self.root.glob("sanitizer.*")):
            # An empty one is of a process that was killed, by the test, as it looked for leaks at its end.
            if report.stat().st_size == 0:
                continue
            complaints.append(f"a sanitizer spoke up:\n{report.read_text(errors='replace')[:6000]}")
        return complaints

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


def close_all(homes, own):
    """Ends all homes and fails when anything is left that should not be. `own`: pids that were there before."""
    complaints = [complaint for home in homes for complaint in home.stop()]
    known = own | {process.pid for home in homes for process in home.started + [c.process for c in home.clients]}

    def left():
        reap(known)
        return [pid for pid in descendants() if pid not in own]

    try:
        wait_until(lambda: not left(), 10)
    except AssertionError:
        complaints.append(f"processes were left:\n{describe(left())}")
        for pid in left():
            kill(pid)
        wait_until(lambda: not left(), 10, "killed processes are gone")
    complaints += [complaint for home in homes for complaint in home.inspect()]
    if complaints:
        for home in homes:
            print(f"-- log of the supervisor of {home.root}\n{home.logs()[-4000:]}", file=sys.stderr)
    assert not complaints, "\n".join(complaints)
