"""Load stages as arithmetic: how many users of each group there are at a moment, and what part of the run that is.

Numbers in, numbers out: no clock, no randomness, no Locust. Who runs which user is `placement`; spending the time is
`swarm/shape`.

A plan's time starts at 0. Stages are half-open: a moment on a border belongs to the stage that begins there. A ramp is
a straight line, rounded half up, so that 10 users over 10 s come at 0.5 s, 1.5 s, …, 9.5 s.

    stages      what a profile says     tracks      the lines that stages draw
    shares      dividing a total        arrivals    when the requests of a rate are due, and whose turn each is
    plan        all of it: users_at(t)          slow_reading   when a slow consumer takes its next message
"""

from loadtest.schedule.arrivals import Arrivals, Turn, Turns
from loadtest.schedule.plan import Phase, Plan, Pool
from loadtest.schedule.shares import Part, apportion
from loadtest.schedule.slow_reading import ReadingPace
from loadtest.schedule.stages import Stage, duration_text
from loadtest.schedule.tracks import Piece

__all__ = [
    "Arrivals",
    "Part",
    "Phase",
    "Piece",
    "Plan",
    "Pool",
    "ReadingPace",
    "Stage",
    "Turn",
    "Turns",
    "apportion",
    "duration_text",
]
