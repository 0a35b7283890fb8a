"""Prompts for the stand-in CLI, each with a number of its own, and what an undisturbed run of it answers."""

import json
import re

PLAIN = "plain"


class Prompt:
    """One prompt, and what its runs may be like."""

    def __init__(self, number, part, log, inner=None):
        self.number, self.part, self.inner = number, part, inner
        self.inner_prompt = None
        self.temper = "nested" if inner else part["temper"]
        self.story = None
        self.limit = 1  # executions that are allowed
        self.runs = []  # session of each execution
        self.text = f"answer {number}."
        self.script = [{"log": str(log), "as": str(number)}, *self._steps()]
        if self.temper == "old":
            self.script.insert(0, {"old_cli": True})

    def _steps(self):
        say, ms = {"text": self.text}, self.part["ms"]
        if self.temper == "nested":
            return [{"run": self.inner}]
        return {
            "plain": [say],
            "slow": [{"sleep": ms}, say],
            "slower": [{"text": "wait"}, {"sleep": self.part["slow ms"]}, say],
            "chatty": [{"text": "one"}, {"tool": "Bash"}, {"sleep": ms // 4}, {"text": "two"}, {"tool": "Read"}, say],
            "flood": [{"flood": 300_000}, say],
            "loud": [{"flood": 200_000, "to": "stderr"}, say],
            "garbage": [{"garbage": 4096}, {"raw": "\n"}, say],
            "array": [{"array": True}, say],
            "bytes": [{"invalid_utf8": True}, say],
            "bare": [{"raw": self.text + "\n"}, {"no_result": True}],
            "failing": [{"stderr": f"no luck {self.number}."}, {"exit": 3}],
            "silent": [{"exit": 0}],
            "crashing": [{"text": "oh"}, {"die": "SIGSEGV"}],
            "api error": [{"api_error": 529}],
            "budget": [{"budget_stop": 1}],
            "denied": [{"deny": "Bash"}, say],
            "huge": [say, {"huge_result": 200_000}],
            "leaving a child": [{"child": {"seconds": 2}}, say],
            "old": [say],
            "hanging": [{"text": "begun"}, {"hang": True}],
            "deaf": [{"ignore": ["SIGINT", "SIGTERM"]}, {"hang": True}],
            "stopped": [{"text": "begun"}, {"stop": True}, {"hang": True}],
            "late to go": [say, {"result": self.text}, {"hang": True}],
            "forking": [{"forker": 5}, {"hang": True}],
        }[self.temper]

    @property
    def task(self):
        return "do it @@" + json.dumps(self.script) + "@@"

    @property
    def hangs(self):
        return self.temper in HANGING

    def is_answer(self, text):
        if self.temper == "huge":
            return text == "r" * 200_000
        return self.temper == "nested" or text.strip() == self.text


HANGING = {"hanging", "deaf", "stopped", "late to go", "forking"}

# How an undisturbed run fails: a pattern of its error, or None where it does not.
FAILURES = {
    "failing": r"no luck \d+\.", "silent": r"no output|gave no result", "crashing": r"signal 11", "api error": r"API Error: 529",
    "budget": r"maximum budget", "hanging": r"timed out after 2 s", "deaf": r"timed out after 2 s", "stopped": r"timed out after 2 s",
    "forking": r"timed out after 2 s",
}  # fmt: skip


def number_in(task):
    """The number of the prompt that a text has first, or None."""
    found = re.search(r'\\*"as\\*": \\*"(\d+)', task)
    return found and int(found[1])
