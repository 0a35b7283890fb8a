"""What a second user of the machine does: processes of theirs, and things that they have put somewhere."""

import os
import subprocess
import sys

import pytest

STRANGER, ORDINARY = 12345, 23456
needs_second_user = pytest.mark.skipif(os.geteuid() != 0, reason="a second user takes root")

LISTEN = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
os.umask(0)
listener.bind(sys.argv[1])
listener.listen()
print("listening", flush=True)
listener.settimeout(60)
while True:
    peer, _ = listener.accept()
    peer.settimeout(5)
    if len(sys.argv) > 2:
        peer.sendall(sys.argv[2].encode())
        peer.shutdown(socket.SHUT_WR)
    heard = b""
    try:
        while data := peer.recv(65536):
            heard += data
    except OSError:
        pass
    print("heard", len(heard), flush=True)
"""
"""Listens at argv[1], says argv[2] to each who comes, and prints how much it has heard."""

TALK = """
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(10)
try:
    peer.connect(sys.argv[1])
except PermissionError:
    sys.exit("kept out")
try:
    peer.sendall(sys.argv[2].encode())
    said = peer.recv(65536)
except OSError:
    said = b""
print("heard", len(said))
"""
"""Says argv[2] to who listens at argv[1], and prints how much it has heard."""


def start_stranger(source, *words):
    return subprocess.Popen(
        [sys.executable, "-c", source, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        user=STRANGER,
        group=STRANGER,
        extra_groups=[],
    )


class Listener:
    """A stranger's socket."""

    def __init__(self, path, says=None):
        self.process = start_stranger(LISTEN, path, *([] if says is None else [says]))
        assert self.process.stdout.readline() == "listening\n", self.process.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.rest = self.process.communicate()[0].splitlines()

    def heard(self):
        """Bytes that came on the next connection that ends."""
        return int(self.process.stdout.readline().split()[1])


def talk(path, words):
    """What a stranger is told who says this on a socket: bytes, or "kept out"."""
    process = start_stranger(TALK, path, words)
    out, err = process.communicate(timeout=60)
    return err.strip() if process.returncode else int(out.split()[1])


def give_away(path):
    os.chown(path, STRANGER, STRANGER, follow_symlinks=False)


def hand_over(home):
    """Makes an ordinary user the owner of a home. What `agent-dispatch` is started with, to be started as that user."""
    for place in [home.root, *home.root.rglob("*")]:
        os.chown(place, ORDINARY, ORDINARY, follow_symlinks=False)
    return {"user": ORDINARY, "group": ORDINARY, "extra_groups": []}


def look(path):
    """All that could be changed of what is at this path and below: kind, mode, owner, names, size, content."""
    found = {}
    for place in [path, *sorted(path.rglob("*"))]:
        status = place.lstat()
        content = place.read_bytes() if place.is_file() and not place.is_symlink() else None
        found[str(place)] = (status.st_mode, status.st_uid, status.st_nlink, status.st_size, content)
    return found
