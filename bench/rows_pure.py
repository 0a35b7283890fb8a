"""The parts that neither wait nor read, by Google Benchmark."""

import json
import subprocess

from figures import summary
from table import Row, Target

WANTED = 400  # MB/s a core, of the parser


def measure_pure(bench):
    seconds = "0.1" if bench.quick else "0.5"
    command = [bench.programs.bench("pure"), "--benchmark_format=json", f"--benchmark_min_time={seconds}", "--benchmark_repetitions=3"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rates, times = {}, {}
    for run in report["benchmarks"]:
        if run["run_type"] == "iteration":
            rates.setdefault(run["run_name"], []).append(run["bytes_per_second"] / 1e6)
            times.setdefault(run["run_name"], []).append(run["cpu_time"] / 1000)
    rows = []
    for name, values in rates.items():
        if name.startswith("parser"):
            row = Row(f"pure: {name}", unit="MB/s", ours=summary(values, "MB/s"))
            row.targets.append(Target("rate", row.ours["median"], WANTED, at_least=True, unit="MB/s"))
        else:
            row = Row(f"pure: {name}", unit="µs", ours=summary(times[name], "µs"))
        rows.append(row)
    return rows
