"""What a machine can hold, and what a profile asks of it. Plain numbers; reading a machine is the command line's."""

from loadtest.capacity.limits import Limit, limits
from loadtest.capacity.machine import Machine
from loadtest.capacity.needs import Needs, needs_of

__all__ = ["Limit", "Machine", "Needs", "limits", "needs_of"]
