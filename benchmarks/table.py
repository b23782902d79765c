"""The results as one table for people and one JSON file for programs."""

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Result

__all__ = ["machine", "render", "to_json"]

HEADINGS = ("figure", "ours", "reference", "", "ratio", "limit", "")


def render(results: Sequence[Result]) -> str:
    """One line for each figure; medians."""
    rows = [HEADINGS, *(_row(result) for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    right = {1, 2, 4, 5}
    lines = [
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    notes = [f"skipped {result.figure.key}: {result.skipped}" for result in results if result.skipped]
    return "\n".join([lines[0], "─" * max(map(len, lines)), *lines[1:], *notes])


def _row(result: Result) -> tuple[str, ...]:
    figure = result.figure
    ratio = f"{result.value:.2f}×" if result.value is not None and result.reference is not None else ""
    return (
        figure.what,
        _number(result.ours, figure.unit),
        _number(result.reference, figure.unit),
        figure.reference,
        ratio,
        figure.limit_text,
        result.outcome,
    )


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.1f} {unit}"  # noqa: PLR2004 - three digits


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average": os.getloadavg(),
    }


def to_json(results: Sequence[Result], runs: int) -> str:
    """Everything, each run's measurement included."""
    figures = [
        {
            "figure": result.figure.key,
            "what": result.figure.what,
            "reference": result.figure.reference,
            "unit": result.figure.unit,
            "limit": result.figure.limit_text,
            "value": result.value,
            "outcome": result.outcome,
            "skipped": result.skipped or None,
            "samples": [{"ours": s.ours, "reference": s.reference or None, "value": s.value} for s in result.samples],
        }
        for result in results
    ]
    return json.dumps({"runs": runs, "machine": machine(), "figures": figures}, indent=2, ensure_ascii=False) + "\n"
