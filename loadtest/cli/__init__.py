"""The command line. It never imports Locust nor `swarm`: that would monkey-patch this process, and start slowly.

entry           argv -> command -> exit code; the one place that catches everything
arguments       argparse as we want it; `options` are those that several commands share
world           environment and streams, so that a test of a command is a function call
run, check, schema, master_role, worker_role   the commands; `roles` is what the last two share
configuration   profile, overrides and environment, and what a child process gets of them
local, demo, targets   the commands of a cluster on this machine, the demo backend, whether a target answers
processes, signals, tether   child processes and what happens to them
supervision     a cluster watched from its start to its exit code
"""

from loadtest.cli.entry import main

__all__ = ["main"]
