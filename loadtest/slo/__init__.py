"""Service level objectives: a threshold's text, parsed when the profile is loaded, judged at the end and meanwhile.

threshold   Threshold and what it may be about           grammar   the grammar in BNF, and text -> Threshold
verdict     Threshold and figures -> pass, fail, no-data   watch     those that may end a run early, each second
"""

from loadtest.slo.grammar import parse
from loadtest.slo.threshold import BY_DESIGN, COUNTS, MEASURES, SHARES, TIMED_UP_TO_S, Phase, Threshold
from loadtest.slo.verdict import Figures, Measurements, Verdict, judge
from loadtest.slo.watch import Abort, AbortWatch

__all__ = [
    "BY_DESIGN",
    "COUNTS",
    "MEASURES",
    "SHARES",
    "TIMED_UP_TO_S",
    "Abort",
    "AbortWatch",
    "Figures",
    "Measurements",
    "Phase",
    "Threshold",
    "Verdict",
    "judge",
    "parse",
]
