"""A command on a pseudo-terminal, and what a person sees there."""

import codecs
import errno
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import unicodedata

import pytest

from harness import PROGRAMS
from processes import wait_until


SHELL = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.Popen(sys.argv[1:], process_group=0).wait())"]


def begin_on_terminal():
    """In the child. Whoever runs the tests may ignore signals (nohup, a shell's `&`); a terminal's command does not."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)


class Screen:
    """What a terminal of so many columns shows of the bytes that are written to it. Of escape sequences it knows colours."""

    def __init__(self, columns):
        self.columns, self.rows, self.column = columns, [[]], 0
        self.history, self.escapes = [], ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._escape = None

    def feed(self, data):
        for character in self._decoder.decode(data):
            self._take(character)

    def _take(self, character):
        if self._escape is not None:
            self._escape += character
            if character.isalpha():
                self.escapes, self._escape = self.escapes + self._escape, None
        elif character == "\x1b":
            self._escape = character
        elif character == "\r":
            self._remember()
            self.column = 0
        elif character == "\n":
            self._remember()
            self.rows.append([])
        elif character.isprintable():
            self._put(character)

    def _put(self, character):
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 0 if unicodedata.combining(character) else 1
        if self.column + width > self.columns:
            self.rows.append([])
            self.column = 0
        row = self.rows[-1]
        row += [" "] * (self.column + width - len(row))
        row[self.column : self.column + width] = [character] + [""] * (width - 1) if width else []
        self.column += width

    def resize(self, columns):
        """What is beyond the new edge is gone, as on a terminal that does not break lines anew."""
        self.columns, self.column = columns, min(self.column, columns - 1)
        self.rows = [row[:columns] for row in self.rows]

    def _remember(self):
        """Every line that stood there when the cursor left it."""
        text = self.line()
        if text and (not self.history or self.history[-1] != text):
            self.history.append(text)

    def line(self):
        """The one that the cursor is in."""
        return "".join(self.rows[-1]).rstrip()

    def lines(self):
        return ["".join(row).rstrip() for row in self.rows]


class Terminal:
    """`agent-dispatch WORDS` on a terminal of its own, but for what `stdout` and `stderr` say.
    `as_job`: as the child of a shell, which can be stopped; `process` is that shell."""

    def __init__(self, home, *words, columns=80, stdout=None, stderr=None, env=None, as_job=False):
        try:
            self.master, slave = pty.openpty()
        except OSError as problem:
            pytest.skip(f"there are no pseudo-terminals here: {problem}")
        self.screen, self.raw = Screen(columns), b""
        self._lock = threading.Lock()
        self.resize(columns)
        self.modes = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            (SHELL if as_job else []) + [str(PROGRAMS / "agent-dispatch"), *map(str, words)],
            env=env or home.env(TERM="xterm"),
            cwd=home.root,
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave if stderr is None else stderr,
            start_new_session=True,
            preexec_fn=begin_on_terminal,
        )
        home.started.append(self.process)
        self._slave = slave
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, columns):
        with self._lock:
            self.screen.resize(columns)
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError as problem:
                assert problem.errno == errno.EIO, problem
                return
            with self._lock:
                self.raw += data
                self.screen.feed(data)

    def line(self):
        with self._lock:
            return self.screen.line()

    def lines(self):
        with self._lock:
            return self.screen.lines()

    def history(self):
        with self._lock:
            return list(self.screen.history)

    def wait_for_line(self, *parts, seconds=20):
        """The line that the cursor is in, once it has all these parts."""

        def found():
            line = self.line()
            return all(part in line for part in parts) and line

        try:
            return wait_until(found, seconds, f"{parts} in the line")
        except AssertionError as problem:
            raise AssertionError(f"{problem}; there are\n" + "\n".join(self.lines())) from None

    def type(self, text):
        os.write(self.master, text.encode())

    def finish(self, seconds=30):
        """Its exit code, when all that it wrote has been read."""
        code = self.process.wait(seconds)
        self.left_modes = termios.tcgetattr(self._slave)
        os.close(self._slave)
        self._reader.join(seconds)
        os.close(self.master)
        return code
