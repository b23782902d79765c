"""Starts a run from the master's page in a real browser, as a person would, and prints what it saw as JSON.

    python start_from_page.py URL CHROMIUM PROFILE USERS DURATION SCREENSHOT

A program of its own: Playwright's loop does not go with the patched process that the tests run in.
"""

import json
import sys
import time

from playwright.sync_api import Page, sync_playwright


def wait_until(page: Page, condition: str, seconds: float) -> None:
    """Wait for an expression to be true. Playwright's own wait needs eval, which the page's security policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {condition}"
        page.wait_for_timeout(100)


def start(page: Page, profile: str, users: str, duration: str) -> dict[str, object]:
    """Fill in the form and start; what was on it."""
    page.locator("select[name=loadProfile]").wait_for(state="visible")  # the fold is open without a click
    seen = {
        "profiles": page.locator("select[name=loadProfile] option").all_inner_texts(),
        "dead_fields": page.locator("input[name=userCount]:visible, input[name=spawnRate]:visible").count(),
        "title": page.get_by_text("Profile", exact=True).count(),
    }
    page.locator("select[name=loadProfile]").select_option(profile)
    page.locator("input[name=peakUsers]").fill(users)
    page.locator("input[name=totalDuration]").fill(duration)
    page.get_by_role("button", name="Start", exact=True).click()
    return seen


def main() -> None:
    """Run it."""
    url, chromium, profile, users, duration, screenshot = sys.argv[1:]
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        seen = start(page, profile, users, duration)
        page.get_by_text("delivery /ws/market", exact=True).first.wait_for(timeout=30_000)
        page.screenshot(path=screenshot)
        page.get_by_role("button", name="New", exact=False).first.wait_for(timeout=60_000)  # the run is over
        print(json.dumps({**seen, "errors": errors}))  # noqa: T201 - its answer
        browser.close()


if __name__ == "__main__":
    main()
