"""Prompts for the compiled stand-in CLI (tests/support/misbehaving_cli.cpp says what steps there are)."""

import json


def steps(*sequence):
    return "do it @@" + json.dumps(sequence, ensure_ascii=False) + "@@"


def say(text):
    """Answers with this text."""
    return steps({"text": text})


def hang():
    """Never ends by itself."""
    return steps({"hang": True})


def tell_then_hang(text):
    """An assistant event with this text, and then no end."""
    return steps({"text": text}, {"hang": True})


def touch(path):
    """Makes a file, then answers."""
    return steps({"touch": str(path)}, {"text": "touched"})


def say_after(milliseconds, text):
    return steps({"sleep": milliseconds}, {"text": text})


def wait_for(path, text):
    """Answers once the file is there."""
    return steps({"wait_for": str(path)}, {"text": text})


def count(path):
    """A step: one more line in this file for each execution."""
    return {"append": str(path)}


def touches(path):
    """A step: makes a file."""
    return {"touch": str(path)}


def executions(path):
    """How often a script with `count(path)` was executed."""
    return len(path.read_text().splitlines()) if path.exists() else 0
