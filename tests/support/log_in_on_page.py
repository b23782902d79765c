"""Logs in on the page as a person does, starts a run, stops it, logs out; another site tries meanwhile. Prints JSON.

python log_in_on_page.py URL CHROMIUM PROFILE USER PASSWORD FOLDER
"""

import json
import sys
import threading
from http.server import HTTPServer
from pathlib import Path

from attack_page import VIOLATIONS, Elsewhere, attack
from playwright.sync_api import Browser, Page, sync_playwright
from start_from_page import start, wait_until

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
PAPER = "getComputedStyle(document.body).backgroundColor"


def look(browser: Browser, url: str, folder: Path) -> dict[str, object]:
    """The login on a phone, light and dark, by its roles; whether it can be used by keyboard alone."""
    seen: dict[str, object] = {}
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 320, "height": 640},
            color_scheme=scheme,
            ignore_https_errors=True,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.goto(url)
        seen[scheme] = [page.evaluate(PAPER), page.evaluate(OVERFLOW)]
        page.screenshot(path=folder / f"login-{scheme}.png")
        context.close()
    return seen


def log_in(page: Page, user: str, password: str) -> None:
    """By keyboard alone: the field that is to be filled in next has the focus by itself."""
    page.get_by_label("User").wait_for()
    wait_until(page, "['user', 'password'].includes(document.activeElement.name)", 10)
    page.get_by_label("User").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type(user)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def main() -> None:
    """Run it."""
    url, chromium, profile, user, password, folder = sys.argv[1:]
    errors: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        looks = look(browser, url, Path(folder))
        context = browser.new_context(ignore_https_errors=True)
        context.add_init_script(VIOLATIONS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if "CSP" in message.text else None)
        page.goto(f"{url}live")
        log_in(page, user, "wrong password")
        alert = page.get_by_role("alert").inner_text()
        log_in(page, user, password)
        page.wait_for_url("**/live")
        cookies = [[c["httpOnly"], c["sameSite"], c["secure"]] for c in context.cookies()]
        page.goto(url)
        start(page, profile, "6", "5m")
        page.get_by_text("delivery /ws/market", exact=True).first.wait_for(timeout=60_000)
        other = context.new_page()
        refused = attack(other, f"http://localhost:{server.server_port}/", url, profile)
        page.goto(f"{url}live")
        wait_until(page, "Number(document.body.dataset.points || 0) >= 2", 60)
        page.get_by_role("button", name="Stop").click()
        page.locator("#verdict").wait_for(state="visible", timeout=60_000)
        page.goto(url)
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")
        page.goto(url)
        page.wait_for_url("**/login")
        told = {"looks": looks, "alert": alert, "cookies": cookies, "refused": refused, "errors": errors}
        print(json.dumps(told))  # noqa: T201 - its answer
        browser.close()


if __name__ == "__main__":
    main()
