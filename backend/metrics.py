"""The counts of `backend.stats` in Prometheus' text format (version 0.0.4). It counts nothing itself."""

from collections.abc import Iterator, Mapping

from backend.stats import Stats

__all__ = ["MEDIA_TYPE", "render"]

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample = tuple[Mapping[str, str], float]


def render(stats: Stats) -> str:
    """Write all metrics."""
    return "".join(_family(name, kind, text, samples) for name, kind, text, samples in _families(stats))


def _families(stats: Stats) -> Iterator[tuple[str, str, str, list[Sample]]]:
    requests: list[Sample] = [
        ({"path": path, "status": str(status)}, count) for (path, status), count in sorted(stats.requests.items())
    ]
    yield "http_requests_total", "counter", "Requests answered.", requests
    refused: list[Sample] = [({"reason": reason}, count) for reason, count in sorted(stats.refused.items())]
    yield "ws_refused_total", "counter", "Upgrades refused.", refused
    sums = {name: stats.messages(name) for name in stats.channels}
    open_now: list[Sample] = [({"channel": name}, connections) for name, (_, _, connections) in sums.items()]
    yield "ws_connections", "gauge", "Open subscribers.", open_now
    accepted: list[Sample] = [({"channel": name}, totals.accepted) for name, totals in stats.channels.items()]
    yield "ws_accepted_total", "counter", "Upgrades accepted.", accepted
    broadcasts: list[Sample] = [({"channel": name}, totals.broadcasts) for name, totals in stats.channels.items()]
    yield "ws_broadcasts_total", "counter", "Broadcasts, each to all subscribers of a channel.", broadcasts
    for what in ("published", "written"):
        samples: list[Sample] = [({"channel": name}, getattr(counts, what)) for name, (counts, _, _) in sums.items()]
        yield f"ws_messages_{what}_total", "counter", f"Data messages {what}, one per subscriber.", samples
    dropped: list[Sample] = [
        ({"channel": name, "reason": reason}, count)
        for name, (counts, _, _) in sums.items()
        for reason, count in sorted(counts.dropped.items())
    ]
    yield "ws_messages_dropped_total", "counter", "Data messages not written.", dropped


def _family(name: str, kind: str, text: str, samples: list[Sample]) -> str:
    lines = [f"# HELP backend_{name} {text}", f"# TYPE backend_{name} {kind}"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{label}"' for key, label in labels.items())
        lines.append(f"backend_{name}{{{inside}}} {value}")
    return "\n".join(lines) + "\n"
