"""The master's rota of open arrivals: which worker's turn it is. When requests are due is `schedule`'s."""

from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.messages import TakeTurn
from loadtest.swarm.cluster.state import RunState

__all__ = ["AHEAD_S", "Rota"]

AHEAD_S = 0.5
"""How long before it holds a turn is told: what is due until then stays whose it was, so that nobody sends twice."""

BEGINNING_S = 2.0
"""A run that is older when its first workers are there (or when another master goes on with it) catches up nothing."""


class Rota:
    """Tells the workers of a run whose turn it is, whenever their set changes."""

    def __init__(self, session: MasterSession) -> None:
        self._session = session
        self._told: list[tuple[str, int]] = []
        self._run: RunState | None = None

    def follow(self, workers: list[str]) -> None:
        """Let `workers` take turns: at a run's beginning from its first request on, else from shortly ahead on."""
        run = self._session.run
        if run is None or not run.begin.rates or not workers:
            return
        lives = [(worker, run.participants.get(worker, 0)) for worker in workers]  # a new life knows of no turns
        if self._run is run and lives == self._told:
            return
        elapsed = self._session.elapsed()
        fresh = self._run is not run and elapsed < BEGINNING_S
        self._run, self._told = run, lives
        since = 0.0 if fresh else elapsed + AHEAD_S
        for rank, worker in enumerate(workers):
            messages.send(self._session.link, TakeTurn(run.begin.run, since, rank, len(workers)), worker)
