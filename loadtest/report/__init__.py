"""Summary and verdicts, formatted: nothing here counts or judges.

facts      what is said of a run beside what was measured    hints     sentences on what to check
console    text for a console                               document  `summary.json`
"""

from loadtest.report.console import to_text
from loadtest.report.document import SCHEMA, to_json
from loadtest.report.facts import RunFacts, duration_text
from loadtest.report.hints import hints

__all__ = ["SCHEMA", "RunFacts", "duration_text", "hints", "to_json", "to_text"]
