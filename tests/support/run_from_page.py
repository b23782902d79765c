"""Does a whole run from the page in a real browser, as a person would, and prints what it saw as JSON.

    python run_from_page.py URL CHROMIUM PROFILE FOLDER

Start on Locust's page, look at its tabs, watch on the live page, reload it, stop, read the verdict, download the run.
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from start_from_page import start, wait_until

TABS = ("Streams", "Workers", "SLOs", "Ledger")
POINTS = "Number(document.body.dataset.points || 0)"


def look_at_tabs(page: Page) -> dict[str, list[str]]:
    """The first row of each of our tabs on Locust's page."""
    page.get_by_text("delivery /ws/market", exact=True).first.wait_for(timeout=60_000)
    found = {}
    for name in TABS:
        tab = page.get_by_role("tab", name=name, exact=True)
        assert tab.count() == 1, f"{tab.count()} tabs are called {name}"
        tab.click()
        row = page.locator("table tbody tr").first
        row.wait_for(timeout=20_000)
        found[name] = row.locator("td").all_inner_texts()
    return found


def watch(page: Page) -> dict[str, object]:
    """The live page: it gets more, and has it still after a reload."""
    wait_until(page, f"{POINTS} >= 3", 60)
    before = page.evaluate(POINTS)
    wait_until(page, f"{POINTS} > {before}", 30)
    page.reload()
    wait_until(page, f"{POINTS} >= {before}", 30)
    rows = page.locator("#streams tbody tr").all_inner_texts()
    return {"before": before, "streams": [row.split("\t")[0] for row in rows]}


def main() -> None:
    """Run it."""
    url, chromium, profile, folder = sys.argv[1:]
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        start(page, profile, "12", "5m")
        tabs = look_at_tabs(page)
        page.get_by_role("link", name="Live charts").click()
        page.wait_for_url("**/live")
        live = watch(page)
        page.get_by_role("button", name="Stop").click()
        page.locator("#verdict").wait_for(state="visible", timeout=60_000)
        verdict = page.locator("#verdict-name").inner_text(), page.locator("#verdict-why").inner_text()
        page.screenshot(path=Path(folder) / "ended.png", full_page=True)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download the run").click()
        download.value.save_as(Path(folder) / "bundle.zip")
        seen = {"tabs": tabs, "live": live, "verdict": verdict, "file": download.value.suggested_filename}
        print(json.dumps({**seen, "errors": errors}))  # noqa: T201 - its answer
        browser.close()


if __name__ == "__main__":
    main()
