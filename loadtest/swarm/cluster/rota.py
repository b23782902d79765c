"""The master's rota of open arrivals: which worker's turn it is. When requests are due is `schedule`'s."""

from loadtest.schedule import Turn
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
        self._told_at = 0.0
        self._turns: dict[str, Turn] = {}
        self._run: RunState | None = None

    def follow(self, workers: list[str]) -> None:
        """Let `workers` take turns: at a run's beginning from its first request on, else from shortly ahead on."""
        run = self._session.run
        if run is None or not run.begin.rates or not workers:
            return
        lives = [(worker, run.participants.get(worker, 0)) for worker in workers]  # a new life knows of no turns
        if self._run is run and lives == self._told and not any(map(self._missed, workers)):
            return
        elapsed = self._session.elapsed()
        fresh = self._run is not run and elapsed < BEGINNING_S
        self._run, self._told, self._told_at = run, lives, elapsed
        since = 0.0 if fresh else elapsed + AHEAD_S
        self._turns = {worker: Turn(since, rank, len(workers)) for rank, worker in enumerate(workers)}
        for worker, turn in self._turns.items():
            messages.send(self._session.link, TakeTurn(run.begin.run, *turn), worker)

    def _missed(self, worker: str) -> bool:
        """Whether what a worker was told got lost. Then all are told anew: what was due meanwhile is over."""
        heard = self._session.standings.of(worker, self._session.run)
        return heard is not None and heard.missed_turn(self._turns[worker], self._told_at)
