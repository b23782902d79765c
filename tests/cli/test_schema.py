import json
from collections.abc import Callable

from calling import Outcome

from loadtest import profiles


def test_the_schema_that_ships_is_the_one_the_profiles_have(call: Callable[..., Outcome]) -> None:
    assert json.loads(call("schema").stdout) == profiles.schema()
