"""What pages with charts share: a library (dygraphs, never from a CDN), the script that draws with it, the style.

The library is one script and one style sheet, without eval and without anything to fetch; its licence stands beside it.
"""

from importlib.resources import files

__all__ = ["LIBRARY", "NAME", "VERSION", "library_script", "library_style", "shipped"]

NAME = "dygraphs"
VERSION = "2.2.1"
LIBRARY = f"{NAME} {VERSION}"
"""As it is recorded where charts are."""


def library_script() -> str:
    """Its JavaScript, which defines `Dygraph`; fit to stand in a `<script>` element."""
    return _without_map(shipped("dygraph.min.js"))


def library_style() -> str:
    """Its CSS; fit to stand in a `<style>` element."""
    return _without_map(shipped("dygraph.min.css"))


def shipped(name: str) -> str:
    """A file of this package: charts.js, which draws tables as charts, or page.css, the look of a page."""
    return files(__name__).joinpath(name).read_text("utf-8")


def _without_map(text: str) -> str:
    """A file of the library without its last line, which names a source map that is not shipped."""
    return text.partition("//# sourceMappingURL=")[0].partition("/*# sourceMappingURL=")[0].rstrip() + "\n"
