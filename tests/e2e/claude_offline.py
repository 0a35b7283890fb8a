"""The real claude CLI, with a stand-in for its API (tests/support/messages_api.mjs) on loopback."""

import functools
import json
import subprocess
from pathlib import Path

from harness import ROOT


@functools.cache
def claude_program():
    """The path of the CLI, of the one version the tests are written against; installed when it is missing."""
    found = subprocess.run([ROOT / "scripts" / "claude-offline"], stdout=subprocess.PIPE, text=True, timeout=600)
    assert found.returncode == 0, "scripts/claude-offline could not install the claude CLI (it says why above)"
    return Path(found.stdout.strip())


def claude_environment(home, api):
    """What the CLI needs to talk to the stand-in alone."""
    return {
        "CLAUDE_CONFIG_DIR": str(home.root / "claude-config"),
        "ANTHROPIC_API_KEY": "dummy-key-for-local-test",
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{api.port}",
        "DISABLE_TELEMETRY": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
    }


def script(*steps, say="Do as the script says."):
    """A prompt that makes the stand-in API answer with these steps, one per request."""
    return "\n".join([say] + ["%% " + json.dumps(step, ensure_ascii=False) for step in steps])


class MessagesApi:
    """The stand-in as a process; a context manager."""

    def __init__(self, log):
        self.log = Path(log)
        self._seen = 0

    def __enter__(self):
        self.log.touch()
        self.process = subprocess.Popen(
            ["node", str(ROOT / "tests" / "support" / "messages_api.mjs"), str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self.process.stdout.readline().split()[1])
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)

    def forget(self):
        self._seen = len(self.log.read_text().splitlines())

    def entries(self):
        """Log entries since the last forget()."""
        return [json.loads(line) for line in self.log.read_text().splitlines()[self._seen :]]

    def requests(self):
        """Requests that followed a script, in order of arrival."""
        return [entry for entry in self.entries() if entry.get("step", -1) >= 0]
