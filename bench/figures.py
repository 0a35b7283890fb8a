"""Medians, spread and ratios."""

import statistics


def summary(values, unit):
    """{median, p10, p90, n, unit}."""
    spread = statistics.quantiles(values, n=10, method="inclusive") if len(values) > 1 else [values[0]] * 9
    return {
        "median": statistics.median(values),
        "p10": spread[0],
        "p90": spread[-1],
        "n": len(values),
        "unit": unit,
    }


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def in_turns(rounds, actions, warm=1):
    """{name: [what each call returned, …]}: A B A B …, so that whatever else the machine does meets all of them. `actions` may
    have None where there is nothing to measure."""
    actions = {name: action for name, action in actions.items() if action}
    for _ in range(warm):
        for action in actions.values():
            action()
    values = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            values[name].append(action())
    return values
