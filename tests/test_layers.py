"""The design as a table: who may import whom, and how long a file may be. Changing the design means changing this."""

import ast
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_CODE_LINES = 200
MAX_FUNCTION_LINES = 60

OUTSIDE = {"gevent", "locust", "flask", "socket", "time", "random", "zmq", "geventhttpclient"}
"""What pure code may not import: I/O, clocks and chance."""

IMPURE = {"clock", "cli", "locustfile", "rundir", "__main__"}
"""What stands at the root of the package and is not pure."""

MAY_IMPORT: dict[str, set[str]] = {
    # the pure root, from the leaves up
    "errors": set(),
    "charts": set(),
    "clock": set(),
    "rundir": set(),
    "schedule": {"errors"},
    "limits": set(),
    "placement": set(),
    "buckets": set(),
    "bucket_layout": set(),
    "histogram_wire": {"bucket_layout", "buckets"},
    "histogram": {"bucket_layout", "buckets", "errors", "histogram_wire"},
    "hdrlog": {"histogram"},
    "steps": set(),
    "clocksync": {"errors", "steps"},
    "slo": {"errors", "histogram"},
    "profiles": {"errors", "limits", "schedule", "slo"},
    "fanout": set(),
    "messages": {"errors", "fanout", "json_object", "moments", "plain", "profiles", "steps", "text"},
    "json_object": set(),
    "moments": set(),
    "plain": set(),
    "text": set(),
    "answers": {"json_object", "profiles"},
    "frames": {"errors"},
    "http1": {"errors"},
    "results": {"errors", "fanout", "histogram", "limits"},
    "verdict": {"errors", "limits", "results", "slo"},
    "report": {"charts", "hdrlog", "histogram", "limits", "results", "slo", "verdict"},
    "monitor": {"histogram", "limits", "results", "schedule", "slo", "verdict"},
    "compare": {"charts", "report"},
    # what does I/O
    "dashboard": {"charts", "monitor"},
    "swarm": {
        "answers",
        "charts",
        "clock",
        "clocksync",
        "credentials",
        "dashboard",
        "errors",
        "fanout",
        "frames",
        "histogram",
        "http1",
        "messages",
        "monitor",
        "placement",
        "profiles",
        "report",
        "results",
        "rundir",
        "schedule",
        "slo",
        "verdict",
    },
    "credentials": {"errors"},
    "capacity": {"placement", "profiles"},
    "cli": {
        "capacity",
        "clock",
        "compare",
        "credentials",
        "errors",
        "monitor",
        "placement",
        "profiles",
        "report",
        "results",
        "rundir",
        "schedule",
        "slo",
    },
    "__main__": {"cli"},
    "locustfile": {"errors", "swarm"},
}


def modules() -> list[Path]:
    return sorted((ROOT / "loadtest").rglob("*.py"))


def part_of(path: Path) -> str:
    """The row of the table that a file belongs to: a package or a module directly in `loadtest/`."""
    first = path.relative_to(ROOT / "loadtest").parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """Full names of what a file imports, at run time or for types."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.update(
                f"{node.module}.{alias.name}" if node.module == "loadtest" else node.module for alias in node.names
            )
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_the_table_allows(path: Path) -> None:
    part = part_of(path)
    if part == "__init__":
        assert not imports_of(path)
        return
    assert part in MAY_IMPORT, f"{part} is not in the table"
    ours = {name.split(".")[1] for name in imports_of(path) if name.startswith("loadtest.")}
    assert ours - {part} <= MAY_IMPORT[part]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_pure_code_imports_no_io_no_clock_and_no_chance(path: Path) -> None:
    if part_of(path) in IMPURE | {"swarm", "dashboard"}:
        return
    assert not {name.split(".")[0] for name in imports_of(path)} & OUTSIDE


def test_the_table_has_no_cycle() -> None:
    remaining = {part: set(allowed) for part, allowed in MAY_IMPORT.items()}
    while remaining:
        leaves = {part for part, allowed in remaining.items() if not allowed & remaining.keys()}
        assert leaves, f"a cycle among {sorted(remaining)}"
        remaining = {part: allowed for part, allowed in remaining.items() if part not in leaves}


def test_the_backend_shares_no_code_with_the_load_generator() -> None:
    for path in (ROOT / "backend").rglob("*.py"):
        assert not {name for name in imports_of(path) if name.split(".")[0] == "loadtest"}


def code_lines(source: str) -> int:
    """Lines that hold code: no blank lines, comments or docstrings."""
    lines: set[int] = set()
    skip = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            first = node.body[0]
            lines.difference_update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return len(lines)


def shipped() -> list[Path]:
    return [
        p for folder in ("loadtest", "backend", "benchmarks", "examples") for p in sorted((ROOT / folder).rglob("*.py"))
    ]


@pytest.mark.parametrize("path", shipped(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert code_lines(path.read_text()) < MAX_CODE_LINES


@pytest.mark.parametrize("path", shipped(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_function_outgrows_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


def test_a_line_of_code_is_told_from_a_comment_and_a_docstring() -> None:
    assert code_lines('"""Doc."""\n\n# comment\nx = 1\ny = """\ntext\n"""\n') == 4


def test_no_two_test_files_have_the_same_name() -> None:
    """The tests are not a package, so that pytest imports each file by its name alone."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
