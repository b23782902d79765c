"""charts/: the library that is shipped is the one that is named, and is fit to stand in a page."""

from importlib.resources import files

import pytest

from loadtest import charts


def test_the_library_that_is_shipped_is_the_one_that_is_recorded() -> None:
    first = charts.library_script().partition("\n")[0]
    assert f"/v{charts.VERSION}/" in first  # its own banner
    assert charts.LIBRARY in files(charts.__name__).joinpath("LICENSE.dygraphs.txt").read_text("utf-8")


@pytest.mark.parametrize("text", [charts.library_script(), charts.library_style()], ids=["script", "style"])
def test_the_library_can_stand_inside_a_page_and_fetches_nothing(text: str) -> None:
    assert "</script" not in text.lower()
    assert "sourceMappingURL" not in text
    assert "</style" not in text.lower()
    assert "url(" not in text
    assert 1_000 < len(text) < 150_000


def test_the_library_needs_no_eval() -> None:
    script = charts.library_script()
    assert "eval(" not in script
    assert "new Function" not in script
