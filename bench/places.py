"""Where each program has its things, so that nothing of the user's is touched and neither sees the other's."""

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

PYTHON_VERSION = "0.13.0"


class Programs:
    """What is built: ours, and the floors. `folder`: the build's bin."""

    def __init__(self, folder):
        self.folder = folder
        self.ours = str(folder / "agent-dispatch")
        self.cli = folder / "bench" / "cli" / "claude"
        self.python = None

    def bench(self, name):
        return str(self.folder / "bench" / name)


@dataclass
class Place:
    """One program with a configuration, jobs and state of its own."""

    root: Path
    program: str
    environment: dict
    is_ours: bool

    @property
    def jobs(self):
        return self.root / "jobs"

    @property
    def project(self):
        return self.root / "project"

    def run(self, *arguments, check=True):
        return subprocess.run(
            [self.program, *arguments], env=self.environment, capture_output=True, text=True, check=check, stdin=subprocess.DEVNULL
        )

    def stop(self):
        """No supervisor is left. The Python program has none."""
        if self.is_ours:
            self.run("stop", "--now", check=False)

    def status(self):
        return json.loads(self.run("status", "--json").stdout)


class Places:
    """Makes places, and takes them all away in the end."""

    def __init__(self, programs):
        self.programs = programs
        self.root = Path(tempfile.mkdtemp(prefix="ad-bench-"))
        self.made = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for place in self.made:
            place.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def make(self, program, agents=("bench",), cache=False, concurrency=8, max_parallel=None):
        """`program`: "ours" or "python"; None when that one is not there. Agents share a project directory."""
        command = self.programs.ours if program == "ours" else self.programs.python
        if command is None:
            return None
        root = self.root / f"{program}{len(self.made)}"
        for folder in (root, root / "bin", root / "state", root / "run", root / "project"):
            folder.mkdir(mode=0o700)
        (root / "bin" / "claude").symlink_to(self.programs.cli)
        environment = {
            "PATH": f"{root}/bin:/usr/bin:/bin",
            "HOME": str(root),
            "LANG": "C.UTF-8",
            "XDG_STATE_HOME": f"{root}/state",
            "XDG_RUNTIME_DIR": f"{root}/run",
            "AGENT_DISPATCH_CONFIG": f"{root}/agents.yaml",
        }
        agent = {"directory": str(root / "project")}
        if max_parallel and program == "ours":
            agent["max_parallel"] = max_parallel
        settings = {"max_concurrency": concurrency, "cache": {"enabled": cache}}
        # JSON is YAML.
        (root / "agents.yaml").write_text(json.dumps({"agents": {name: agent for name in agents}, "settings": settings}))
        (root / "agents.yaml").chmod(0o600)
        place = Place(root, command, environment, program == "ours")
        self.made.append(place)
        return place

    def pair(self, **options):
        """{"ours": place, "python": place or None}."""
        return {program: self.make(program, **options) for program in ("ours", "python")}


def find_python_program():
    """The Python program in an environment of its own, outside the repository. None, with the reason said, when it cannot be had."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-dispatch"
    place = cache / f"bench-python-{PYTHON_VERSION}"
    program = place / "bin" / "agent-dispatch"
    if works(program):
        return str(program)
    shutil.rmtree(place, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    print(f"bench: installing agent-dispatch {PYTHON_VERSION} from PyPI into {place}", flush=True)
    try:
        subprocess.run(["python3", "-m", "venv", place], check=True, capture_output=True, text=True)
        wanted = [f"agent-dispatch=={PYTHON_VERSION}", "mcp<2"]
        subprocess.run([place / "bin" / "pip", "install", "--quiet", *wanted], check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as problem:
        shutil.rmtree(place, ignore_errors=True)
        last = (problem.stderr or problem.stdout or "no word of why").strip().splitlines()[-1]
        print(f"bench: without the Python program, which could not be installed: {last}", flush=True)
        return None
    return str(program)


def works(program):
    try:
        return subprocess.run([program, "--help"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
