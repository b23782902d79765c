"""hdrlog.py: HdrHistogram's own decoder reads what is written, and finds the same percentiles."""

import random
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from loadtest.hdrlog import encode, log
from loadtest.histogram import Histogram


def histogram(*seconds: float) -> Histogram:
    made = Histogram()
    for value in seconds:
        made.record(value)
    return made


DRAW = random.Random(4)

SHAPES = {
    "one value": [0.0123],
    "nothing but zero": [0.0, 0.0],
    "below a microsecond": [1e-8, 5e-8, 9.9e-7],
    "next to each other": [0.001 + n * 1e-6 for n in range(300)],  # counts without gaps
    "the whole range": [1e-8, 1e-5, 0.01, 1.0, 60.0, 600.0],  # gaps that take several bytes
    "more of one than a byte counts": [0.002] * 70_000 + [0.004],
    "latencies": [DRAW.lognormvariate(-6, 1.5) for _ in range(5000)],
}


@pytest.mark.parametrize("times", SHAPES.values(), ids=SHAPES)
def test_the_official_decoder_finds_every_time_that_was_recorded(times: list[float]) -> None:
    theirs = HdrHistogram.decode(encode(histogram(*times)))
    found = [
        item.value_iterated_to / 1e9
        for item in theirs.get_recorded_iterator()
        for _ in range(item.count_added_in_this_iter_step)
    ]
    assert found == pytest.approx(sorted(times), rel=2e-3, abs=6e-9)


def test_a_percentile_is_the_same_to_the_official_tools() -> None:
    ours = histogram(*SHAPES["latencies"])
    theirs = HdrHistogram.decode(encode(ours))
    for p in (50, 90, 99, 99.9, 100):
        assert theirs.get_value_at_percentile(p) / 1e9 == pytest.approx(ours.percentile(p), rel=2e-3)


def test_the_official_log_reader_reads_every_interval_with_its_tag(tmp_path: Path) -> None:
    lines = log(
        1_700_000_000.25,
        [
            (0.0, 1.0, "market delivery /ws/market", histogram(0.001, 0.003)),
            (1.0, 1.0, "market delivery /ws/market", histogram()),  # an empty one takes no line
            (1.0, 2.0, "a,b\nc", histogram(0.25)),
        ],
    )
    path = tmp_path / "histograms.hlog"
    path.write_text("".join(f"{line}\n" for line in lines))
    reader = HistogramLogReader(str(path), HdrHistogram(1, 600_000_000_000, 3))
    found = []
    while (interval := reader.get_next_interval_histogram()) is not None:
        found.append((interval.get_tag(), interval.get_start_time_stamp(), interval.get_total_count()))
    reader.close()
    assert reader.start_time_sec == 1_700_000_000.25
    assert found == [("market_delivery_/ws/market", 1_700_000_000_250, 2), ("a_b_c", 1_700_000_001_250, 1)]


def test_the_greatest_of_an_interval_is_told_in_milliseconds() -> None:
    *_, line = log(0.0, [(3.0, 1.0, "x", histogram(0.25, 0.5))])
    assert line.startswith("Tag=x,3.000,1.000,500.000,HISTFAAA")
