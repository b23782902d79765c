"""Hooks into Locust's events, once, when first imported: by a locustfile, before Locust fires `init`."""

import os

from locust import events

from loadtest.swarm.early_signals import EarlySignals
from loadtest.swarm.users import RestUser, WebSocketUser
from loadtest.swarm.wiring import Wiring

__all__ = ["WIRING", "RestUser", "WebSocketUser"]

WIRING = Wiring(os.environ)
"""What a locustfile with profiles gives its catalog to, before Locust fires `init`."""

events.init_command_line_parser.add_listener(WIRING.on_parser)
events.init.add_listener(WIRING.on_init)

_early = EarlySignals()
events.init_command_line_parser.add_listener(_early.keep)
events.init.add_listener(_early.deliver)  # behind the others, so that they have installed their own handlers
