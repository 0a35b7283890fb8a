"""What happens at which step: a function of the seed and the step alone. Pure; whom a disaster hits among those who are there
is said as a number in [0, 1)."""

import random

FRONTENDS = 14
AGENTS = 30
# These have a deadline of two seconds: whoever hangs is sent to them.
IMPATIENT = 6
SLOTS = (6, 8, 10)
BURSTS = 60  # mean number of steps between two

# (weight, kind) of what is asked at a step.
REQUESTS = [
    (38, "dispatch"), (5, "stream"), (3, "session"), (4, "ref"), (14, "async"), (6, "parallel"), (3, "dialogue"), (3, "nested"),
    (2, "nested async"), (3, "cancelled"), (2, "twins"), (4, "wait"), (2, "status"), (3, "cancel job"), (2, "fetch"),
    (3, "list agents"), (1, "list jobs"), (1, "cache"), (0.3, "gc"),
    (5, "command dispatch"), (4, "command async"), (2, "command wait"), (1, "command cancel"), (0.5, "command jobs"),
    (1, "command status"), (1, "command retry"), (1, "command dialogue"), (0.2, "command gc"), (0.5, "command update"),
]  # fmt: skip

# (weight, temper): prompts.py says what each does.
TEMPERS = [
    (40, "plain"), (12, "slow"), (5, "slower"), (6, "chatty"), (2, "flood"), (2, "loud"), (3, "garbage"), (2, "array"), (2, "bytes"),
    (3, "bare"), (3, "failing"), (2, "silent"), (2, "crashing"), (2, "api error"), (2, "budget"), (2, "denied"), (1, "huge"),
    (2, "leaving a child"), (1, "old"), (1.2, "hanging"), (0.6, "deaf"), (0.6, "stopped"), (0.6, "late to go"), (0.4, "forking"),
]  # fmt: skip

# Mean number of steps between two of a kind, and the range of its seconds.
DISASTERS = {
    "kill supervisor": (30, None), "kill supervisor and the next": (250, None), "end supervisor": (250, None),
    "stop --keep-runs": (300, None), "freeze supervisor": (120, (0.1, 3)),
    "kill keeper": (70, None), "end keeper": (250, None), "freeze keeper": (110, (0.1, 3)),
    "kill CLI": (70, None), "end CLI": (120, None), "freeze CLI": (90, (0.1, 3)),
    "kill relay": (90, (0.1, 2)), "end relay": (250, (0.1, 2)), "close relay": (250, (0.1, 2)), "freeze relay": (80, (0.1, 4)),
    "kill command": (70, None), "interrupt command": (120, None),
    "kill holder": (400, None),
    "fill disk": (400, (0.3, 3)), "take descriptors": (300, (0.3, 3)),
    "edit configuration": (120, None), "break configuration": (300, (0.2, 2)), "remove configuration": (700, (0.2, 1)),
    "remove directory": (200, (0.3, 3)), "shift times": (200, None),
}  # fmt: skip


def _chosen(draw, table):
    at = draw.random() * sum(weight for weight, _ in table)
    for weight, value in table:
        at -= weight
        if at < 0:
            return value
    return table[-1][1]


def _part(draw):
    temper = _chosen(draw, TEMPERS)
    return {"temper": temper, "agent": draw.random(), "ms": draw.randint(50, 900), "slow ms": draw.randint(1000, 3500)}


def _request(draw):
    kind = _chosen(draw, REQUESTS)
    parts = {"parallel": draw.randint(2, 5), "dialogue": 1, "nested": 2, "nested async": 2}.get(kind, 1)
    return {
        "do": "ask", "kind": kind, "frontend": draw.random(), "parts": [_part(draw) for _ in range(parts)],
        "pick": draw.random(), "after": draw.uniform(0, 1.5), "flag": draw.random() < 0.4,
    }  # fmt: skip


def decide(seed, step):
    """What is done at this step, in order."""
    draw = random.Random(f"{seed}/{step}")
    # Now and then many at once, so that there are queues.
    done = [_request(draw) for _ in range(draw.randint(10, 40) if draw.random() < 1 / BURSTS else 1)]
    for what, (steps, seconds) in DISASTERS.items():
        hits, pick, length = draw.random() < 1 / steps, draw.random(), draw.random()
        if hits:
            span = seconds and round(seconds[0] + length * (seconds[1] - seconds[0]), 2)
            done.append({"do": what, "pick": pick, "seconds": span, "length": length})
    return done
