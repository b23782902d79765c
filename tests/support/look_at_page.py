"""A program: opens a file in Chromium at several sizes and themes and prints as JSON what a person would meet.

look_at_page.py FILE CHROMIUM FOLDER        FOLDER gets a screenshot of each
"""

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

VIEWS = {
    "desktop": ({"width": 1280, "height": 900}, "light", "screen"),
    "dark": ({"width": 1280, "height": 900}, "dark", "screen"),
    "phone": ({"width": 360, "height": 740}, "light", "screen"),
    "print": ({"width": 800, "height": 1100}, "dark", "print"),
}

LOOK = """() => ({
  overflow: document.documentElement.scrollWidth - window.innerWidth,
  charts: [...document.querySelectorAll("figure .plot")].filter((plot) => plot.querySelector("canvas")).length,
  figures: document.querySelectorAll("figure[data-kind]").length,
  paper: getComputedStyle(document.body).backgroundColor,
  painted: [...document.querySelectorAll("figure .plot")].map((plot) => {
    const canvas = plot.querySelector("canvas");
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return data.some((value) => value > 0);
  }),
})"""


def look(browser: Browser, address: str, view: str, folder: Path) -> dict[str, Any]:
    """What a view of the page shows."""
    size, scheme, media = VIEWS[view]
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(address)
    if media == "print":
        page.emulate_media(media="print")
    page.wait_for_function("document.querySelectorAll('figure .plot canvas').length > 0")
    found: dict[str, Any] = page.evaluate(LOOK)
    page.screenshot(path=str(folder / f"{view}.png"), full_page=True)
    if view == "desktop":
        plot = page.locator("figure .plot").first
        plot.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        found["keyboard"] = page.locator("figure .at").first.text_content()
        found["legend"] = page.locator("figure .legend").first.text_content()
        page.locator("figure details summary").first.click()
        found["cells"] = (
            page.locator("figure table").first.locator("tbody tr").nth(-2).locator("td").all_text_contents()
        )
    context.close()
    return {**found, "problems": problems}


def main(file: str, chromium: str, folder: str) -> None:
    """Look at each view."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        address = Path(file).resolve().as_uri()
        print(json.dumps({view: look(browser, address, view, Path(folder)) for view in VIEWS}))  # noqa: T201 - its answer
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
