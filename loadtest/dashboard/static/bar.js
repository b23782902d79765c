// The bar above Locust's page: how the run goes, whether the generator can be trusted, and the way to the live page.
"use strict";
(() => {
  const script = document.currentScript;
  const base = new URL("..", script.src);
  const bar = document.createElement("aside");
  bar.id = "loadtest-bar";
  bar.setAttribute("aria-label", "load test");
  const say = (className, text, href) => {
    const element = document.createElement(href ? "a" : "span");
    element.className = className;
    element.textContent = text;
    if (href) element.href = href;
    return element;
  };
  const news = document.createElement("div");
  const leave = document.createElement("button");
  leave.type = "button";
  leave.textContent = "Log out";
  leave.addEventListener("click", () => window.loadtestLogOut());
  const shown = (status) => {
    const parts = [];
    if (status.health.banner) parts.push(say("warning", `Load generator: ${status.health.banner}`));
    if (status.ending) parts.push(say(`verdict ${status.ending.verdict}`, `${status.ending.verdict.toUpperCase()}: ${status.ending.why}`));
    else if (status.state !== "idle") {
      const left = status.stage.left_s === null ? "" : `, ${Math.round(status.stage.left_s)} s left`;
      parts.push(say("state", `${status.profile || "locustfile"}: ${status.stage.phase || status.state}${left}`));
    }
    parts.push(say("link", "Live charts", new URL("live", base)));
    if (status.ending) parts.push(say("link", "Download the run", new URL(`api/v1/runs/${status.run_id}/bundle.zip`, base)));
    return parts;
  };
  // Locust's own tab of that name says less than ours.
  const hideTwin = () => {
    const twins = [...document.querySelectorAll("[role=tab]")].filter((tab) => tab.textContent.trim() === "Workers");
    if (twins.length > 1 && !twins[0].hidden) {
      twins[0].hidden = true;
      twins[0].classList.add("loadtest-twin");
    }
  };
  const look = async () => {
    try {
      const answer = await fetch(new URL("api/v1/status", base));
      if (answer.ok) news.replaceChildren(...shown(await answer.json()));
    } catch {
      news.replaceChildren(say("warning", "The master does not answer."));
    }
    setTimeout(look, document.hidden ? 5000 : 2000);
  };
  const begin = () => {
    bar.append(news);
    if (window.loadtestLogOut) bar.append(leave); // there is none without a login
    document.body.prepend(bar);
    new MutationObserver(hideTwin).observe(document.body, { childList: true, subtree: true });
    hideTwin();
    look();
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
