"""Looks at the live page of a long run in a real browser and prints what it saw as JSON.

python watch_long_run.py URL CHROMIUM ROUNDS [FOLDER FOR SCREENSHOTS]
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

SEEN = """() => ({
    points: Number(document.body.dataset.points),
    nodes: document.querySelectorAll('*').length,
    charts: document.querySelectorAll('figure:not([hidden]) canvas').length,
    stage: document.getElementById('stage').textContent,
    spilt: [...document.querySelectorAll('figure:not([hidden]) canvas')].filter(
        each => each.getBoundingClientRect().right > each.closest('figure').getBoundingClientRect().right).length,
    overflow: document.documentElement.scrollWidth - innerWidth,
})"""


def drawn(page: Page, more_than: str = "") -> dict[str, object]:
    """What is on the page, once it shows another stage than `more_than`."""
    page.wait_for_function(
        "text => document.body.dataset.points && document.getElementById('stage').textContent !== text",
        arg=more_than,
        timeout=30_000,
    )
    seen: dict[str, object] = page.evaluate(SEEN)
    return seen


def shots(browser: Browser, url: str, folder: Path) -> dict[str, int]:
    """Each size in each theme; by how much a page is too wide."""
    overflow = {}
    for size, (width, height) in SIZES.items():
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
            page.goto(url)
            drawn(page)
            page.screenshot(path=folder / f"{size}-{theme}.png", full_page=True)
            overflow[f"{size}-{theme}"] = page.evaluate(SEEN)["overflow"]
            page.close()
    return overflow


def main() -> None:
    """Run it."""
    url, chromium, rounds, folder = sys.argv[1:]
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Content Security" in said.text else None)
        page.goto(url)
        seen = [drawn(page)]
        for _ in range(int(rounds)):
            seen.append(drawn(page, str(seen[-1]["stage"])))
        page.reload()
        again = drawn(page)
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.textContent")
        print(  # noqa: T201 - its answer
            json.dumps(
                {
                    "seen": seen,
                    "again": again,
                    "first_stop": first,
                    "errors": errors,
                    "overflow": shots(browser, url, Path(folder)),
                }
            )
        )
        browser.close()


if __name__ == "__main__":
    main()
