"""Who received which broadcast, and when: sequence, completeness and skew. No socket, no clock: times are arguments.

gaps       what a connection lacks            broadcast  one broadcast, one connection, on the hot path
audience   the connections of one worker      reports    what a worker tells the master        merge  over all workers
marks      what came, where it is not followed
misses     who missed how much                   occurrences  whose receives are of one broadcast
"""

from loadtest.fanout.audience import Audience
from loadtest.fanout.broadcast import Broadcast, Follower
from loadtest.fanout.merge import Fanout
from loadtest.fanout.misses import KINDS, Worst
from loadtest.fanout.reports import AudienceReport, Outcome

__all__ = ["KINDS", "Audience", "AudienceReport", "Broadcast", "Fanout", "Follower", "Outcome", "Worst"]
