"""What is shown of a run while it lasts. It reads Summary and counts nothing; the web page and the terminal format it.

document   the answers of the API, as types           status     Moment and Summary -> Status
moment     what is known of a run beside its Summary  exposition Status and Summary -> Prometheus' text
span       some seconds, summed                       history    the past in a bounded number of points (`points`)
judging    SLOs as they would be judged now
"""

from loadtest.monitor.document import STATUS_MARK, STATUS_VARIABLE, Status, Timeline
from loadtest.monitor.exposition import CONTENT_TYPE, exposition
from loadtest.monitor.history import History
from loadtest.monitor.judging import Judging
from loadtest.monitor.moment import Moment, Seen
from loadtest.monitor.span import Span
from loadtest.monitor.status import status_of, timeline_of

__all__ = [
    "CONTENT_TYPE",
    "STATUS_MARK",
    "STATUS_VARIABLE",
    "History",
    "Judging",
    "Moment",
    "Seen",
    "Span",
    "Status",
    "Timeline",
    "exposition",
    "status_of",
    "timeline_of",
]
