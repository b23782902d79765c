// The live page: asks the master once a second while a run lasts, and shows what it says.
"use strict";
(() => {
  const { clock, figure, merged } = LiveCharts;
  const $ = (id) => document.getElementById(id);
  const count = (value) => (value === null || value === undefined ? "–" : value.toLocaleString("en"));
  const share = (value) => {
    if (value === null || value === undefined) return "–";
    const percent = value * 100;
    return percent < 100 && percent > 99.99 ? "99.99+%" : `${Number(percent.toFixed(2))}%`;
  };
  const millis = (value) => (value === null || value === undefined ? "–" : `${figure(value)} ms`);
  const text = (element, value) => {
    if (element.textContent !== value) element.textContent = value;
  };

  // -- theme: Locust's own choice, so that both pages agree ----------------------------------------------------------
  const dark = () =>
    localStorage.theme ? localStorage.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const dress = () => document.documentElement.setAttribute("data-theme", dark() ? "dark" : "light");
  dress();

  const charts = LiveCharts.on($("charts"));
  $("theme").addEventListener("click", () => {
    localStorage.theme = dark() ? "light" : "dark";
    dress();
    charts.restyle();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    dress();
    charts.restyle();
  });

  // -- tables ----------------------------------------------------------------------------------------------------------
  const TABLES = {
    slos: [
      ["SLO", (its) => its.text, "word"],
      ["Verdict", (its) => its.verdict, "state"],
      ["Observed", (its) => (its.observed === null ? "no samples" : `${figure(its.observed)}${its.error ? ` ± ${figure(its.error)}` : ""}${["%", "/s"].includes(its.unit) ? "" : " "}${its.unit}`)],
      ["Margin", (its) => share(its.margin)],
      ["Samples", (its) => count(its.samples)],
    ],
    streams: [
      ["Group", (its) => its.group, "word"],
      ["Open", (its) => count(its.open)],
      ["Target", (its) => count(its.target)],
      ["Messages/s", (its) => figure(its.messages_per_s)],
      ["Measure", (its) => its.measure || "–", "word"],
      ["p50", (its) => millis(its.times.p50_ms)],
      ["p95", (its) => millis(its.times.p95_ms)],
      ["p99", (its) => millis(its.times.p99_ms)],
      ["±", (its) => (its.times.error_ms ? millis(its.times.error_ms) : "–")],
      ["Age p95", (its) => millis(its.freshness_p95_ms)],
      ["Skew p95", (its) => millis(its.skew_p95_ms)],
      ["Completeness", (its) => share(its.completeness)],
      ["Lost", (its) => count(its.lost)],
      ["Errors", (its) => count(its.errors)],
    ],
    requests: [
      ["Group", (its) => its.group, "word"],
      ["Users wanted", (its) => count(its.target)],
      ["Requests/s", (its) => figure(its.requests_per_s)],
      ["p50", (its) => millis(its.times.p50_ms)],
      ["p95", (its) => millis(its.times.p95_ms)],
      ["p99", (its) => millis(its.times.p99_ms)],
      ["Requests", (its) => count(its.requests)],
      ["Failed", (its) => count(its.failed)],
      ["Missed", (its) => count(its.missed)],
      ["Errors", (its) => count(its.errors)],
    ],
    workers: [
      ["Worker", (its) => its.name, "word"],
      ["State", (its) => its.state, "word"],
      ["Users", (its) => count(its.users)],
      ["CPU", (its) => share(its.cpu)],
      ["Lag", (its) => millis(its.lag_ms)],
      ["Descriptors", (its) => count(its.descriptors)],
      ["Clock offset", (its) => millis(its.clock_offset_ms)],
      ["±", (its) => millis(its.clock_error_ms)],
      ["Last report", (its) => (its.last_report_s === null ? "–" : `${figure(its.last_report_s)} s ago`)],
      ["Over a limit", (its) => its.over.join(", ") || "–", "word"],
    ],
    ledger: [
      ["Group", (its) => its.group, "word"],
      ...["attempted", "established", "failed", "cancelled", "pending", "open", "closed_by_us", "closed_by_server", "closed_by_network", "lost_with_worker"].map(
        (name) => [name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " "), (its) => count(its[name])],
      ),
    ],
    causes: [
      ["Group", (its) => its.group, "word"],
      ["Failed or ended by", (its) => its.name, "word"],
      ["Connections", (its) => count(its.count)],
    ],
    errors: [
      ["Group", (its) => its.group, "word"],
      ["Error", (its) => its.name, "word"],
      ["Count", (its) => count(its.count)],
    ],
  };
  const cell = (tag, content, className) => {
    const made = document.createElement(tag);
    made.textContent = content;
    if (className) made.className = className;
    if (tag === "th") made.scope = "col";
    return made;
  };
  const fill = (name, rows) => {
    const table = $(name);
    table.closest("details").hidden = rows.length === 0;
    const columns = TABLES[name];
    if (!table.tHead) {
      const head = table.createTHead().insertRow();
      head.append(...columns.map(([title, , kind]) => cell("th", title, kind)));
      table.createTBody();
    }
    const body = table.tBodies[0];
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((its, index) => {
      const row = body.rows[index] || body.insertRow();
      columns.forEach(([, value, kind], column) => {
        const shown = row.cells[column] || row.appendChild(cell("td", "", kind));
        text(shown, value(its));
        if (kind === "state") shown.className = `state ${value(its)}`;
      });
    });
  };

  // -- tiles -----------------------------------------------------------------------------------------------------------
  const worst = (groups, name) => {
    const values = groups.map((its) => its.times[name]).filter((value) => value !== null);
    return values.length ? Math.max(...values) : null;
  };
  const sum = (rows, name) => rows.reduce((total, its) => total + its[name], 0);
  const tilesOf = (status) => {
    const { users, streams, requests, workers } = status;
    const measure = streams.map((its) => its.measure).find(Boolean) || "delivery";
    const error = Math.max(0, ...streams.map((its) => its.times.error_ms));
    const tiles = [["Users", count(users.now), users.target === null ? "" : `of ${count(users.target)} wanted`]];
    if (streams.length) {
      tiles.push(["Connections", count(sum(streams, "open")), `of ${count(sum(streams, "target"))} wanted`]);
      tiles.push(["Messages/s", figure(sum(streams, "messages_per_s")), `${count(sum(streams, "messages"))} so far`]);
      tiles.push([`${measure} p99`, millis(worst(streams, "p99_ms")), error ? `± ${millis(error)}` : ""]);
    }
    if (requests.length) {
      tiles.push(["Requests/s", figure(sum(requests, "requests_per_s")), `${count(sum(requests, "requests"))} so far`]);
      tiles.push(["response p99", millis(worst(requests, "p99_ms")), `p95 ${millis(worst(requests, "p95_ms"))}`]);
    }
    tiles.push(["Errors", count(sum(streams, "errors") + sum(requests, "errors")), "so far"]);
    const there = workers.filter((its) => !["missing", "left"].includes(its.state));
    const cpus = there.map((its) => its.cpu).filter((cpu) => cpu !== null);
    if (status.health.excluded_s) tiles.push(["Left out", count(status.health.excluded_s), "worker-seconds over a limit"]);
    tiles.push(["Workers", count(there.length), cpus.length ? `CPU ${figure(Math.max(...cpus) * 100)}% max` : ""]);
    return tiles;
  };
  const showTiles = (tiles) => {
    const parent = $("tiles");
    while (parent.children.length > tiles.length) parent.lastElementChild.remove();
    tiles.forEach((words, index) => {
      let tile = parent.children[index];
      if (!tile) {
        tile = document.createElement("div");
        tile.className = "tile";
        tile.append(...["label", "value", "note"].map((name) => cell("span", "", name)));
        parent.append(tile);
      }
      words.forEach((word, part) => text(tile.children[part], word));
    });
  };

  // -- the run ---------------------------------------------------------------------------------------------------------
  const stageText = ({ state, stage, targets }) => {
    if (state === "idle") return "No run yet.";
    const where = targets.length ? ` on ${targets.join(", ")}` : "";
    if (state === "ended") return `Ran for ${clock(stage.elapsed_s)}${where}`;
    const of = stage.duration_s === null ? "" : ` of ${clock(stage.duration_s)}`;
    const next = stage.next_change_s === null ? "" : `, ${clock(stage.next_change_s - stage.elapsed_s)} left of this stage`;
    return `${stage.phase || "running"}: ${clock(stage.elapsed_s)}${of}${next}${where}`;
  };
  const show = (status) => {
    const { state, stage, health, ending } = status;
    const on = state === "running" || state === "stopping";
    text($("title"), status.profile || (status.run_id ? "locustfile" : "Load test"));
    text($("state"), state);
    $("state").className = `badge ${state}`;
    text($("stage"), stageText(status));
    document.title = status.run_id ? `${ending ? ending.verdict.toUpperCase() : state} · ${status.profile || "locustfile"}` : "Load test, live";
    $("start").hidden = on;
    $("stop").hidden = state !== "running";
    $("download").hidden = !ending;
    if (ending) $("download").href = `api/v1/runs/${encodeURIComponent(status.run_id)}/bundle.zip`;
    $("progress").hidden = !on || stage.duration_s === null;
    if (stage.duration_s) $("progress").value = Math.min(1, stage.elapsed_s / stage.duration_s);
    $("banner").hidden = !health.banner;
    const left = health.excluded_s === 1 ? "1 worker-second is" : `${count(health.excluded_s)} worker-seconds are`;
    text($("banner"), health.banner && `The load generator can't be trusted now: ${health.banner}. So far ${left} left out of timings.`);
    $("verdict").hidden = !ending;
    if (ending) {
      $("verdict").className = `verdict ${ending.verdict}`;
      text($("verdict-name"), ending.verdict.toUpperCase());
      text($("verdict-why"), ending.why);
    }
    text($("run-id"), status.run_id && ` · run ${status.run_id}`);
    showTiles(status.run_id ? tilesOf(status) : []);
    for (const name of Object.keys(TABLES)) fill(name, status[name]);
  };

  let known = { run: "", next: 0, points: [] };
  const ask = async (path) => {
    const answer = await fetch(path, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.redirected ? "log in" : `${answer.status}`);
    return answer.json();
  };
  const follow = async () => {
    const status = await ask("api/v1/status");
    if (status.run_id !== known.run) {
      known = { run: status.run_id, next: 0, points: [] };
      charts.clear();
    }
    show(status);
    if (!status.run_id) return status;
    const answer = await ask(`api/v1/timeline?since=${known.next}`);
    if (answer.run_id === known.run && (answer.whole || answer.points.length)) {
      known.points = merged(known.points, answer);
      known.next = answer.next;
      charts.draw(known.points, answer.columns);
      document.body.dataset.points = known.points.length;
    }
    return status;
  };
  const look = async () => {
    let pause = 1000;
    try {
      const status = await follow();
      if (!["running", "stopping"].includes(status.state)) pause = 2000;
      document.body.classList.remove("lost");
    } catch (problem) {
      document.body.classList.add("lost");
      text($("state"), problem.message === "log in" ? "logged out" : "no answer");
      text($("stage"), problem.message === "log in" ? "Log in on the start page." : "The master does not answer; trying again.");
      pause = 3000;
    }
    setTimeout(look, document.hidden ? 5000 : pause);
  };
  $("stop").addEventListener("click", async () => {
    $("stop").disabled = true;
    try {
      await fetch("stop", { method: "POST", headers: { "X-Requested-With": "loadtest" } });
    } finally {
      $("stop").disabled = false;
    }
  });
  $("logout").hidden = !window.loadtestLogOut; // there is none without a login
  $("logout").addEventListener("click", () => window.loadtestLogOut());
  document.addEventListener("visibilitychange", () => charts.restyle());
  look();
})();
