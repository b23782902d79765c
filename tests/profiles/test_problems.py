from loadtest.profiles.problems import Origin, Origins, Problems, dotted


def origins() -> Origins:
    return Origins("p.yaml", {(): Origin(1), ("users",): Origin(4), ("users", "a"): Origin(5), ("load",): Origin(2)})


def test_a_key_path_is_written_with_dots() -> None:
    assert dotted(("load", 0, "ramp")) == "load.0.ramp"


def test_a_value_without_a_line_has_that_of_the_mapping_around_it() -> None:
    assert origins().of(("users", "a", "pace", "every")) == Origin(5)
    assert origins().of(("nowhere",)) == Origin(1)


def test_problems_are_told_in_the_order_of_the_file_and_each_once() -> None:
    problems = Problems(origins())
    problems.add(("users", "a"), "is odd")
    problems.add(("load",), "is missing")
    problems.add(("users", "a"), "is odd")
    problems.add((), "is short")
    assert problems.lines() == ["p.yaml:1: is short", "p.yaml:2: load: is missing", "p.yaml:5: users.a: is odd"]


def test_an_option_is_named_instead_of_a_line_and_comes_last() -> None:
    problems = Problems(origins())
    problems.origins.replace(("load",), "--set load")
    problems.add(("load",), "is odd")
    problems.add(("load", 0, "ramp"), "is odd, too")
    problems.add(("users",), "is even")
    assert problems.lines() == [
        "p.yaml:4: users: is even",
        "--set load: is odd",
        "--set load: load.0.ramp: is odd, too",
    ]


def test_what_is_known_to_be_wrong_is_not_complained_about_again() -> None:
    problems = Problems(origins())
    problems.add(("users",), "has a bad tag")
    problems.settle()
    problems.add(("users", "a", "pace"), "is missing")
    problems.add(("load",), "is missing")
    assert problems.lines() == ["p.yaml:2: load: is missing", "p.yaml:4: users: has a bad tag"]
