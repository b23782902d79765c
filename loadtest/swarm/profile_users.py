"""One Locust user class for each group of a profile."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

from loadtest.profiles import RestGroup, Target, WebSocketGroup
from loadtest.swarm.open_arrivals import OpenPollers
from loadtest.swarm.pollers import Pollers
from loadtest.swarm.users import LoadUser, WebSocketUser

__all__ = ["ProfileOpenUser", "ProfilePoller", "ProfileRestUser", "user_classes_of"]


class ProfilePoller(LoadUser):
    """A poller by profile; what it does is its subclass's."""

    abstract = True
    spec: ClassVar[RestGroup]


class ProfileRestUser(ProfilePoller):
    """Requests drawn by weight, each user's own paced by schedule."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.shared: Pollers = self.session.pollers(type(self), Pollers)

    @task
    def live(self) -> None:
        """The whole life: one request after the other until asked to leave."""
        poller = self.shared.poller()
        self.shared.users += 1
        try:
            while not self.departing:
                self.pause(poller.until_due())
                if not self.departing:
                    poller.poll()
        except Exception as problem:  # noqa: BLE001 - an edge: a bug must not make a user spin
            self.stumble(problem)
            if not self.departing:
                return
        finally:
            poller.close()
            self.shared.users -= 1
        raise StopUser


class ProfileOpenUser(ProfilePoller):
    """One connection of a pool that open arrivals are sent on."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.shared: OpenPollers = self.session.pollers(type(self), OpenPollers)

    @task
    def live(self) -> None:
        """The whole life: take what is due until asked to leave."""
        poller = self.shared.join(self.wake)
        try:
            poller.serve(lambda: self.departing)
        except Exception as problem:  # noqa: BLE001 - an edge: a bug must not make a user spin
            self.stumble(problem)
            if not self.departing:
                return
        finally:
            poller.close()
            self.shared.leave(poller)
        raise StopUser


def user_classes_of(
    profile: str, groups: Mapping[str, WebSocketGroup | RestGroup], target: Target, name: Callable[[str, str], str]
) -> dict[str, type[User]]:
    """One Locust user class for each group of a profile, by class name."""
    classes: dict[str, type[User]] = {}
    for group_name, group in groups.items():
        base: type[LoadUser] = WebSocketUser
        if isinstance(group, RestGroup):
            base = ProfileRestUser if group.pool is None else ProfileOpenUser
        class_name = name(profile, group_name)
        attributes = {"abstract": False, "spec": group, "group_name": group_name, "target": target}
        classes[class_name] = type(class_name, (base,), attributes)
    return classes
