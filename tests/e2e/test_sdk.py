"""The official Python SDK as client of `agent-dispatch serve`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import stand_in
from harness import PROGRAMS

pytestmark = pytest.mark.sdk

REQUIREMENT = "mcp>=1.10,<2"


@pytest.fixture(scope="module")
def sdk_python():
    """The interpreter of a virtual environment that has the SDK; made when it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-dispatch" / "python-sdk-1"
    python = cache / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-c", "import mcp"], capture_output=True).returncode != 0:
        for command in ([sys.executable, "-m", "venv", "--clear", cache], [python, "-m", "pip", "install", "-q", REQUIREMENT]):
            made = subprocess.run(command, capture_output=True, text=True, timeout=160)
            if made.returncode != 0:
                pytest.skip(f"the official SDK ({REQUIREMENT}) cannot be installed here: {(made.stderr or made.stdout)[-300:]}")
    return python


def test_the_official_client_drives_our_server(sdk_python, home):
    home.write_config({"notes": {"description": "keeper of notes"}})
    words = [sdk_python, Path(__file__).with_name("sdk_client.py"), PROGRAMS / "agent-dispatch", stand_in.say("hello")]
    finished = subprocess.run(
        words, input=json.dumps(home.environment), capture_output=True, text=True, timeout=60, env=home.environment
    )
    assert finished.returncode == 0, finished.stderr
    seen = json.loads(finished.stdout)
    assert {"list_agents", "inspect_agent", "dispatch", "dispatch_session", "dispatch_stream"} <= set(seen["tools"])
    assert seen["agents"][0]["name"] == "notes"
    assert seen["result"]["success"] and seen["result"]["result"] == "hello"
    assert seen["unknown"]["error"].startswith("Unknown agent: 'nobody'") and seen["unknown_is_error"] is True
    assert seen["progress"], "progress was told"
