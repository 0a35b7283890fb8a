"""The official MCP clients that test_sdk.py drives: which ones, and where they are. Each is installed once, outside the tree."""

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = {1: "mcp>=1.10,<2", 2: "mcp>=2,<3"}
TYPESCRIPT = {1: "@modelcontextprotocol/sdk@>=1.10 <2", 2: "@modelcontextprotocol/client@>=2 <3"}
INSPECTOR = "@modelcontextprotocol/inspector@>=2.12 <2.13"  # asks for Node 22.19, but on the command line runs with 20
NODE = {"typescript 1": 18, "typescript 2": 20, "inspector": 20}

NPM = ["npm", "install", "--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--loglevel=error", "--ignore-scripts"]


@functools.cache
def make(place, requirement, *commands):
    """Makes a folder with this in it by these commands, unless it is there. Returns what went wrong."""
    mark = place / "complete"
    if mark.exists() and mark.read_text() == requirement:
        return None
    for command in commands:
        try:
            made = subprocess.run(command, capture_output=True, text=True, timeout=160)
        except (OSError, subprocess.TimeoutExpired) as failure:
            return str(failure)
        if made.returncode != 0:
            return " ".join((made.stderr or made.stdout).split())[:200]
    mark.write_text(requirement)
    return None


def installed(folder, requirement, *commands):
    """The folder with this in it. In the commands, {place} is that folder."""
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "agent-dispatch" / folder
    problem = make(place, requirement, *(tuple(part.format(place=place) for part in command) for command in commands))
    if problem:
        pytest.skip(f"the official client {requirement} cannot be installed here: {problem}")
    return place


def python(major):
    """The interpreter of a virtual environment that has the Python SDK."""
    pip = ["{place}/bin/python", "-m", "pip", "install", "-q", PYTHON[major]]
    return installed(f"python-sdk-{major}", PYTHON[major], [sys.executable, "-m", "venv", "--clear", "{place}"], pip) / "bin" / "python"


def node(client):
    """The interpreter of JavaScript, when it is new enough for this client."""
    program = shutil.which("node")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip() if program else "none"
    if not program or int(version.lstrip("v").split(".")[0]) < NODE[client]:
        pytest.skip(f"the official client {client} needs Node {NODE[client]} or newer; here is {version}")
    return program


def node_modules(folder, requirement):
    return installed(folder, requirement, [*NPM, "--prefix", "{place}", requirement]) / "node_modules"


def typescript(major):
    """The packages of the TypeScript SDK."""
    return node_modules(f"typescript-sdk-{major}", TYPESCRIPT[major])


def inspector():
    """The Inspector's program, for Node."""
    return node_modules("inspector", INSPECTOR) / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
