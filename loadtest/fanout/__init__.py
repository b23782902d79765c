"""Who received which broadcast, and when: sequence, completeness and skew. No socket, no clock: times are arguments.

gaps       what a connection lacks            broadcast  one broadcast, one connection, on the hot path
audience   the connections of one worker      reports    what a worker tells the master        merge  over all workers
"""

from loadtest.fanout.audience import Audience
from loadtest.fanout.broadcast import Broadcast, Follower
from loadtest.fanout.merge import Fanout
from loadtest.fanout.reports import AudienceReport, Outcome

__all__ = ["Audience", "AudienceReport", "Broadcast", "Fanout", "Follower", "Outcome"]
