"""Service level objectives: the grammar of a threshold, parsed when the profile is loaded, judged at the end.

threshold   the grammar in BNF, and text -> Threshold        verdict   Threshold and figures -> pass, fail, no-data
"""

from loadtest.slo.threshold import MEASURES, Threshold, parse
from loadtest.slo.verdict import Figures, Verdict, judge

__all__ = ["MEASURES", "Figures", "Threshold", "Verdict", "judge", "parse"]
