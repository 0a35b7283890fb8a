"""What the rows come to: a table, and whether each target is reached."""

from dataclasses import dataclass, field


@dataclass
class Target:
    """`what` is measured as `value`, and should be at most or at least `bound`."""

    what: str
    value: float
    bound: float
    at_least: bool = False
    unit: str = "×"

    @property
    def reached(self):
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def text(self):
        return f"{self.what} {number(self.value)} {self.unit} ({'≥' if self.at_least else '≤'} {number(self.bound)})"


@dataclass
class Row:
    name: str
    unit: str = "ms"
    ours: dict | None = None
    python: dict | None = None
    floor: dict | None = None
    targets: list = field(default_factory=list)
    note: str = ""

    def at_most_floor(self, times):
        """Ours over the floor."""
        if self.floor:
            self.targets.append(Target("of the floor", self.ours["median"] / self.floor["median"], times))
        return self

    def faster_than_python(self, times):
        if self.python:
            ratio = self.python["median"] / self.ours["median"]
            self.targets.append(Target("faster than Python", ratio, times, at_least=True))
        return self

    def at_most(self, bound, what="", unit=None):
        self.targets.append(Target(what or "median", self.ours["median"], bound, unit=unit or self.unit))
        return self

    def json(self):
        told = {"name": self.name, "unit": self.unit, "ours": self.ours, "python": self.python, "floor": self.floor}
        told["targets"] = [
            {"what": t.what, "value": t.value, "bound": t.bound, "kind": "at least" if t.at_least else "at most",
             "unit": t.unit, "reached": t.reached}
            for t in self.targets
        ]  # fmt: skip
        return told | ({"note": self.note} if self.note else {})


def number(value):
    """Three digits that say something, more of what is large."""
    if value == 0 or abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) < 1:
        return f"{value:.3g}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(figures):
    if not figures:
        return "–"
    if figures["n"] == 1:
        return number(figures["median"])
    return f"{number(figures['median'])} ({number(figures['p10'])}–{number(figures['p90'])})"


def lines_of(row):
    verdicts = [("reached" if t.reached else "NOT reached", t.text()) for t in row.targets] or [("", row.note)]
    for place, (verdict, text) in enumerate(verdicts):
        if place == 0:
            yield [row.name, row.unit, cell(row.ours), cell(row.python), cell(row.floor), text, verdict]
        else:
            yield ["", "", "", "", "", text, verdict]
    if row.note and row.targets:
        yield ["", "", "", "", "", row.note, ""]


HEAD = ["what", "unit", "ours", "Python", "floor", "figure or ratio, and its bound", "target"]


def print_table(rows):
    """Markdown that reads well as it is: the same lines are in README.md."""
    table = [HEAD, *(line for row in rows for line in lines_of(row))]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    for number_of_line, line in enumerate(table):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |")
        if number_of_line == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
