"""`loadtest compare`: two runs side by side, and whether the second is worse by more than noise."""

from argparse import ArgumentTypeError, Namespace
from pathlib import Path

from loadtest.cli.arguments import Parser
from loadtest.cli.report import find_run, read_facts
from loadtest.cli.world import World
from loadtest.compare.comparison import Side, compare
from loadtest.compare.page import to_html
from loadtest.compare.text import to_text
from loadtest.errors import ExitCode, UsageError
from loadtest.report.rows import read_csv
from loadtest.rundir import RunDirectory

__all__ = ["FAIL_ON", "compare_runs", "execute", "parser", "percentage", "read_side"]

FAIL_ON = 0.05
TIMELINE = "timeline.csv"
PAGE = "comparison.html"

EXAMPLES = """\
examples:
  loadtest compare runs/20261122T… runs/20261123T…
  loadtest compare BEFORE AFTER --fail-on 10% --out /tmp/page

Runs are directories, or names in LOADTEST_OUT (default: runs). The plateaus are compared second by second; a difference
counts only beyond the noise of both. Exit codes: 0 no regression, 1 a regression, 2 a run can't be read, 3 too few
seconds to tell.
"""


def percentage(text: str) -> float:
    """Return a share from `5%`."""
    number = text.removesuffix("%")
    try:
        share = float(number) / 100
    except ValueError:
        share = -1.0
    if not text.endswith("%") or not 0 <= share <= 100:  # noqa: PLR2004 - 10 000 %
        raise ArgumentTypeError(f"must be a percentage such as 5%, not {text}")
    return share


def parser(world: World) -> Parser:
    """Return the parser of `loadtest compare`."""
    made = Parser("loadtest compare", "Compare two runs, with what is noise left out.", EXAMPLES, world.stdout)
    made.add_argument(
        "first", metavar="A", help="the run that is compared with (LOADTEST_OUT: where names are looked for)"
    )
    made.add_argument("second", metavar="B", help="the run that may be worse")
    made.add_argument(
        "--fail-on", metavar="P", type=percentage, default=FAIL_ON, help="how much worse a figure may be (default: 5%%)"
    )
    made.add_argument("--out", metavar="DIR", help=f"where {PAGE} goes (default: the directory of B)")
    return made


def execute(namespace: Namespace, world: World) -> ExitCode:
    """Compare them."""
    first, second = (find_run(given, world) for given in (namespace.first, namespace.second))
    out = Path(namespace.out) if namespace.out else second
    return compare_runs(read_side(first), second, namespace.fail_on, out, world)


def read_side(run: Path) -> Side:
    """Return what is compared of a run. Raises UsageError."""
    path = run / TIMELINE
    try:
        return Side(read_facts(run), read_csv(path.read_text("utf-8")))
    except OSError as problem:
        raise UsageError(f"{path} can't be read: {problem.strerror or problem}; `loadtest report` makes it") from None
    except ValueError as problem:
        raise UsageError(f"{path} can't be used: {problem}") from None


def compare_runs(first: Side, second: Path, fail_on: float, out: Path, world: World) -> ExitCode:
    """Compare, print, and leave a page in `out`. A page that can't be written is told, and changes nothing."""
    comparison = compare(first, read_side(second), fail_on)
    world.say(to_text(comparison))
    directory = RunDirectory(out)
    if directory.write(PAGE, to_html(comparison)):
        world.say(f"  {out / PAGE}")
    else:
        world.warn(f"{out / PAGE} could not be written: {directory.failed[PAGE]}")
    if comparison.regressions:
        return ExitCode.FAIL
    judged = any(difference.change is not None for difference in comparison.differences)
    return ExitCode.PASS if judged else ExitCode.INVALID
