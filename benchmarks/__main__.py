"""`python -m benchmarks`: measures each figure several times, prints the table, exits with 1 if a limit is missed."""

import argparse
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import connecting, kernel, receiving, requesting, shutting_down, table
from benchmarks.bench import Bench
from benchmarks.figures import FIGURES, Result, Sample
from benchmarks.programs import compile_c

Scenario = Callable[..., Iterator[Sample]]
SCENARIOS: dict[str, Scenario] = {
    "small": receiving.small,
    "large": receiving.large,
    "unlike": receiving.unlike,
    "requests": requesting.requests,
    "connects": connecting.connects,
    "memory": connecting.memory,
    "shutdown": shutting_down.shutdown,
}
OUT = Path(__file__).parent / "results.json"


def main() -> int:
    """Return the exit code: 0 every limit kept, 1 one missed, 2 cannot be measured here."""
    options = _arguments()
    left_out: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            bench = Bench(*kernel.cores(), Path(folder), seconds=1.0 if options.quick else options.seconds)
            for name in ("target", "reference"):
                compile_c(name, bench.folder)
            runs = options.runs or (1 if options.quick else 5)
            samples = _measure(bench, options.only or list(SCENARIOS), runs, left_out)
        except RuntimeError as problem:
            print(f"bench: {problem}", file=sys.stderr)
            return 2
    results = [Result(figure, samples.get(figure.key, ()), _why(figure.key, samples)) for figure in FIGURES]
    results = [result for result in results if result.samples or result.skipped]
    print("\n" + table.render(results))
    options.out.write_text(table.to_json(results, runs))
    print(f"\n{options.out}")
    if left_out:
        return 2
    return int(any(result.outcome == "MISS" for result in results))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=0, help="how often each figure is measured (default: 5; 1 with --quick)"
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a cost is measured (default: 4)")
    parser.add_argument(
        "--quick", action="store_true", help="runs of one second each, one if not told how many: for developing"
    )
    parser.add_argument("--out", type=Path, default=OUT, help="where the JSON goes (default: benchmarks/results.json)")
    parser.add_argument("only", nargs="*", metavar="SCENARIO", help=f"only these: {', '.join(SCENARIOS)}")
    options = parser.parse_args()
    if unknown := set(options.only) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    return options


def _measure(bench: Bench, names: list[str], runs: int, left_out: list[str]) -> dict[str, list[Sample]]:
    """Each scenario `runs` times; every other time the reference goes first. `left_out` gets why a run is missing."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    began = time.monotonic()
    for name in names:
        for run in range(runs):
            for sample in _tolerant(SCENARIOS[name](bench, swap=bool(run % 2)), left_out):
                samples[sample.key].append(sample)
                against = f" against {sample.reference:,.1f}: {sample.value:.2f}×" if sample.reference else ""
                elapsed = time.monotonic() - began
                print(
                    f"[{elapsed:4.0f} s] {name} {run + 1}/{runs}: {sample.key} {sample.ours:,.1f}{against}", flush=True
                )
    return samples


def _tolerant(samples: Iterator[Sample], left_out: list[str]) -> Iterator[Sample]:
    """What can be measured; one run of a scenario that fails must not lose the others."""
    try:
        yield from samples
    except RuntimeError as problem:
        left_out.append(str(problem))
        print(f"bench: this run of the scenario is left out: {problem}", file=sys.stderr)


def _why(key: str, samples: dict[str, list[Sample]]) -> str:
    """Why a figure has no samples although its scenario ran."""
    if key == "rest-wrk" and "rest-fasthttp" in samples and shutil.which("wrk") is None:
        return requesting.WRK_MISSING
    return ""


if __name__ == "__main__":
    sys.exit(main())
