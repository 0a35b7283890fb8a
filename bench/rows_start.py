"""What a start costs: `serve` to its first answer, and whole commands."""

from clients import Server, initialize_line
from figures import in_turns, summary
from table import Row


def milliseconds(values):
    return summary([value * 1000 for value in values], "ms")


def row_of(times, name):
    """Of seconds, by who took them."""
    row = Row(name)
    row.ours, row.python, row.floor = (milliseconds(times[who]) if who in times else None for who in ("ours", "python", "floor"))
    return row


def measure_serve(bench):
    places = bench.places.pair()
    ours, python = places["ours"], places["python"]
    floor = [bench.programs.bench("floor_initialize")]

    def answer(place):
        return lambda: bench.stopwatch.answer(initialize_line(), [place.program, "serve"], place.environment)

    def answer_cold():
        ours.stop()
        return answer(ours)()

    keeps_it_running = Server([ours.program, "serve"], ours.environment)
    actions = {
        "ours": answer(ours),
        "python": python and answer(python),
        "floor": lambda: bench.stopwatch.answer(initialize_line(), floor, ours.environment),
    }
    warm = in_turns(bench.rounds, actions)
    keeps_it_running.close()
    cold = in_turns(bench.rounds, actions | {"ours": answer_cold})
    first = row_of(warm, "serve: start to the answer of initialize, supervisor running")
    second = row_of(cold, "the same, supervisor started too")
    return [first.at_most_floor(3).faster_than_python(50), second.faster_than_python(15)]


def measure_commands(bench):
    places = bench.places.pair()
    ours, python = places["ours"], places["python"]
    floor = [bench.programs.bench("floor_empty")]
    keeps_it_running = Server([ours.program, "serve"], ours.environment)

    def command(place, word):
        return lambda: bench.stopwatch.run([place.program, word], place.environment)

    rows = []
    for word in ("jobs", "list", "status"):
        # The Python program has no `status`.
        actions = {
            "ours": command(ours, word),
            "python": python and word != "status" and command(python, word),
            "floor": lambda: bench.stopwatch.run(floor, ours.environment),
        }
        row = row_of(in_turns(bench.rounds, actions), f"{word}: whole process")
        rows.append(row.at_most_floor(3).faster_than_python(50))
    keeps_it_running.close()
    return rows
