from pathlib import Path

import pytest
from calling import write_profile

from loadtest.cli import configuration
from loadtest.cli.configuration import Configuration, configure, profiles_folder
from loadtest.errors import ProfileError, UsageError
from loadtest.profiles import Overrides


def test_a_profile_is_found_by_name_and_by_path(folder: Path) -> None:
    for wanted in ("steady", "profiles/steady.yaml", str(folder / "profiles/steady.yaml")):
        found = configure(wanted, Overrides(), {})
        assert found.profile is not None
        assert found.profile.name == "steady"


def test_a_profile_that_is_not_there_is_a_problem(folder: Path) -> None:  # noqa: ARG001 - the current directory
    with pytest.raises(ProfileError, match="did you mean steady"):
        configure("stedy", Overrides(), {})


def test_the_variable_names_the_folder(folder: Path) -> None:
    (folder / "others").mkdir()
    write_profile(folder / "others" / "quiet.yaml")
    assert configure("quiet", Overrides(), {"LOADTEST_PROFILES": "others"}).path == Path("others/quiet.yaml")


def test_without_a_folder_here_the_shipped_profiles_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert profiles_folder({}) == str(configuration.SHIPPED)
    monkeypatch.setattr(configuration, "SHIPPED", tmp_path / "nothing")
    assert profiles_folder({}) == "profiles"  # so that messages name what could be made


@pytest.mark.parametrize(
    ("target", "targets"),
    [
        (None, ("demo",)),  # the profile's
        ("http://a:1,http://b:2", ("http://a:1", "http://b:2")),
    ],
)
def test_the_target_is_the_profiles_unless_it_is_changed(
    folder: Path,  # noqa: ARG001 - the current directory
    target: str | None,
    targets: tuple[str, ...],
) -> None:
    assert configure("steady", Overrides(target=target), {}).targets() == targets


def test_without_a_profile_the_target_is_what_was_asked_for() -> None:
    assert Configuration("profiles", Overrides()).targets() == ()
    assert Configuration("profiles", Overrides(target="demo")).targets() == ("demo",)
    with pytest.raises(UsageError, match=r"^--target \(or LOADTEST_TARGET\): must be http"):
        Configuration("profiles", Overrides(target="ftp://x")).targets()


def test_a_child_resolves_the_profile_as_we_did() -> None:
    changes = Overrides("http://a:1", 50, 90.0, ("x=1",))
    made = Configuration("p", changes, Path("p/x.yaml")).environ({"PATH": "/bin", "LOADTEST_USERS": "3"})
    assert made == {
        "PATH": "/bin",
        "LOADTEST_PROFILES": "p",
        "LOADTEST_PROFILE": "p/x.yaml",
        "LOADTEST_TARGET": "http://a:1",
        "LOADTEST_USERS": "50",
        "LOADTEST_DURATION": "90.0",
        "LOADTEST_SET": '["x=1"]',
    }
    assert Overrides.from_environ(made) == changes


def test_demo_becomes_its_url_for_a_child() -> None:
    made = Configuration("p", Overrides(target="demo")).environ({}, "http://127.0.0.1:5")
    assert made["LOADTEST_TARGET"] == "http://127.0.0.1:5"


def test_locusts_own_variables_do_not_change_a_run() -> None:
    made = Configuration("p", Overrides()).environ({"LOCUST_HEADFUL": "1", "LOCUST_LOGLEVEL": "DEBUG"})
    assert made == {"LOADTEST_PROFILES": "p", "LOCUST_LOGLEVEL": "DEBUG"}
