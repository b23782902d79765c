"""swarm/allowed_targets.py: where the page may aim."""

import pytest
from programs import ROOT

from loadtest.errors import UsageError
from loadtest.profiles import Overrides, load_file
from loadtest.swarm.allowed_targets import Allowed

PROFILES = {
    "smoke": load_file(ROOT / "profiles" / "smoke.yaml", {}, Overrides(target="http://staging.example:8000")),
    "other": load_file(ROOT / "profiles" / "smoke.yaml", {}, Overrides(target="http://other.example")),
}


def test_a_profile_may_go_to_its_own_target_and_to_what_is_listed_for_all() -> None:
    environ = {"LOADTEST_ALLOWED_TARGETS": "https://listed.example, http://listed.example:81"}
    allowed = Allowed.read(PROFILES, environ, None)
    listed = {"https://listed.example:443", "http://listed.example:81", "https://listed.example"}
    assert set(allowed.of("smoke")) - listed == {"http://staging.example:8000"}
    assert not set(allowed.of("nothing")) - listed
    assert len(allowed.of("nothing")) == 2


def test_locusts_own_host_option_is_somebodys_word_as_well() -> None:
    assert len(Allowed.read({}, {}, "http://host.example").of(None)) == 1


def test_a_list_of_what_are_no_urls_is_an_error_that_names_the_variable() -> None:
    with pytest.raises(UsageError, match="LOADTEST_ALLOWED_TARGETS: "):
        Allowed.read({}, {"LOADTEST_ALLOWED_TARGETS": "everything"}, None)


def test_a_host_option_that_is_no_target_is_a_usage_error_without_its_password() -> None:
    with pytest.raises(UsageError, match="--host: must not hold credentials") as caught:
        Allowed.read({}, {}, "http://user:hidden@host.example")
    assert "hidden" not in str(caught.value)
