"""Opens the page as its user does, and attacks it from another site's page in the same browser. Prints JSON.

python attack_page.py URL CHROMIUM PROFILE
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from playwright.sync_api import Page, sync_playwright
from start_from_page import start, wait_until

SUBMIT = """([url, fields]) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = url;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    [input.name, input.value] = [name, value];
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}"""
READ = "url => fetch(url).then(answer => answer.text(), () => 'unreadable')"
VIOLATIONS = "document.addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective))"


class Elsewhere(BaseHTTPRequestHandler):
    """Another site."""

    def do_GET(self) -> None:  # the base class's name
        """Answer with an empty page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><body>another site</body></html>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def states(page: Page, url: str) -> str:
    """What the master says of its run."""
    return str(page.request.get(f"{url}stats/requests").json()["state"])


def attack(other: Page, home: str, url: str, profile: str) -> list[object]:
    """Another site's page submits both forms and asks for the status; what it gets."""
    got: list[object] = []
    start_form = {"load_profile": profile, "user_count": "1", "spawn_rate": "1"}
    for path, fields in (("stop", {}), ("swarm", start_form)):
        other.goto(home)
        with other.expect_navigation() as moved:
            other.evaluate(SUBMIT, [url + path, fields])
        assert moved.value is not None
        got.append(moved.value.status)
    other.goto(home)
    return [*got, other.evaluate(READ, f"{url}api/v1/status")]


def main() -> None:
    """Run it."""
    url, chromium, profile = sys.argv[1:]
    errors: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context()
        context.add_init_script(VIOLATIONS)
        page = context.new_page()
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.locator("select[name=loadProfile]").wait_for(state="visible")
        other = context.new_page()
        home = f"http://localhost:{server.server_port}/"
        idle = attack(other, home, url, profile)
        before = states(page, url)
        start(page, profile, "6", "5m")
        page.get_by_text("delivery /ws/market", exact=True).first.wait_for(timeout=60_000)
        running = attack(other, home, url, profile)
        after = states(page, url)
        for tab in ("Charts", "Failures", "Logs", "Download Data"):
            page.get_by_role("tab", name=tab, exact=False).first.click()
        page.goto(f"{url}stats/report")
        page.get_by_text("Locust Test Report").wait_for(timeout=30_000)
        page.goto(f"{url}live")
        wait_until(page, "Number(document.body.dataset.points || 0) >= 2", 60)
        page.get_by_role("button", name="Stop").click()
        page.locator("#verdict").wait_for(state="visible", timeout=60_000)
        told = {"idle": idle, "before": before, "running": running, "after": after, "errors": errors}
        print(json.dumps(told))  # noqa: T201 - its answer
        browser.close()


if __name__ == "__main__":
    main()
