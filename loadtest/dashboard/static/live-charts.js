// Charts over run time. Points come from /api/v1/timeline; how many there are is bounded by the master.
"use strict";
const LiveCharts = (() => {
  const CHARTS = [
    { title: "Users and connections", unit: "", lines: [["users", "users"], ["open", "open connections"]], always: true },
    { title: "Messages and requests", unit: "/s", lines: [["messages_per_s", "messages"], ["requests_per_s", "requests"]], always: true },
    { title: "Stream latency", unit: "ms", lines: [["stream_p50_ms", "p50"], ["stream_p95_ms", "p95"], ["stream_p99_ms", "p99"]] },
    { title: "Response time", unit: "ms", lines: [["response_p50_ms", "p50"], ["response_p95_ms", "p95"], ["response_p99_ms", "p99"]] },
    { title: "Age of the data", unit: "ms", lines: [["freshness_p95_ms", "p95"]] },
    { title: "Fan-out skew", unit: "ms", lines: [["skew_p95_ms", "p95"]] },
    { title: "Completeness", unit: "%", lines: [["completeness", "deliveries"]], scale: 100, top: 100 },
    { title: "Errors", unit: "/s", lines: [["errors_per_s", "errors"]], always: true },
    { title: "Load generator: CPU of the busiest worker", unit: "%", lines: [["cpu", "of a core"]], scale: 100, always: true },
    { title: "Load generator: lag of the slowest worker", unit: "ms", lines: [["lag_ms", "event loop"]], always: true },
  ];
  const PHASES = { "ramp-up": "--ramp", "ramp-down": "--ramp" };

  const clock = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (n) => String(n).padStart(2, "0");
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  };
  const figure = (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
    return String(Number(value.toPrecision(3)));
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Its own legend sets style attributes, which a strict policy of content forbids; ours is the line above the plot.
  Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin.prototype.toString() !== "Legend Plugin");

  // Ticks of run time where people expect them; dygraphs counts in tens.
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  const ticks = (from, to, pixels) => {
    const step = STEPS.find((each) => (to - from) / each <= pixels / 64) || STEPS[STEPS.length - 1];
    const found = [];
    for (let v = Math.ceil(from / step) * step; v <= to; v += step) found.push({ v, label: clock(v) });
    return found;
  };

  class Chart {
    constructor(spec, parent) {
      this.spec = spec;
      this.figure = document.createElement("figure");
      this.figure.hidden = true;
      const caption = document.createElement("figcaption");
      caption.textContent = spec.unit ? `${spec.title} (${spec.unit})` : spec.title;
      this.legend = document.createElement("p");
      this.legend.className = "legend";
      this.plot = document.createElement("div");
      this.plot.className = "plot";
      this.plot.setAttribute("role", "img");
      this.figure.append(caption, this.legend, this.plot);
      parent.append(this.figure);
      this.graph = null;
      this.shades = [];
      // A chart that appears makes the others narrower.
      new ResizeObserver(() => this.graph && !this.figure.hidden && this.graph.resize()).observe(this.plot);
    }

    draw(points, columns) {
      const at = (name) => columns.indexOf(name);
      const scale = this.spec.scale || 1;
      const value = (point, name) => (point[at(name)] === null ? null : point[at(name)] * scale);
      const rows = points.map((point) => [point[at("second")], ...this.spec.lines.map(([name]) => value(point, name))]);
      const used = rows.some((row) => row.slice(1).some((each) => each !== null));
      this.figure.hidden = !rows.length || !(used || this.spec.always);
      if (this.figure.hidden) return;
      this.shades = shadesOf(points, at);
      if (this.graph) this.graph.updateOptions({ file: rows });
      else this.graph = new Dygraph(this.plot, rows, this.options());
      this.describe(rows[rows.length - 1]);
    }

    options() {
      const { lines, unit, top } = this.spec;
      return {
        labels: ["run time", ...lines.map(([, label]) => label)],
        ...this.colors(),
        legend: "never",
        strokeWidth: 1.6,
        highlightCircleSize: 3,
        includeZero: true,
        valueRange: top ? [null, top * 1.001] : [0, null],
        axes: {
          x: { ticker: ticks, axisLabelWidth: 56 },
          y: { axisLabelFormatter: figure, axisLabelWidth: 44 },
        },
        highlightCallback: (_event, x, _points, row) => this.say(x, (column) => this.graph.getValue(row, column), unit),
        unhighlightCallback: () => this.describe(this.last),
        underlayCallback: (canvas, area, graph) => shade(canvas, area, graph, this.shades),
      };
    }

    colors() {
      return {
        colors: this.spec.lines.map((_, index) => color(`--line-${index}`)),
        gridLineColor: color("--grid"),
        axisLineColor: color("--grid"),
      };
    }

    restyle() {
      if (this.graph) this.graph.updateOptions(this.colors());
    }

    describe(row) {
      this.last = row;
      this.say(row[0], (column) => row[column], this.spec.unit);
      this.plot.setAttribute("aria-label", `${this.spec.title}: ${this.legend.textContent}`);
    }

    say(x, valueOf, unit) {
      const parts = this.spec.lines.map(([, label], index) => {
        const part = document.createElement("span");
        part.className = `line line-${index}`;
        part.textContent = `${label} ${figure(valueOf(index + 1))}${unit === "/s" || unit === "%" ? unit : unit && ` ${unit}`}`;
        return part;
      });
      const when = document.createElement("span");
      when.textContent = clock(x);
      this.legend.replaceChildren(when, ...parts);
    }
  }

  // Stretches to shade: [from, to, colour].
  const shadesOf = (points, at) => {
    const shades = [];
    const add = (from, to, name) => {
      const last = shades.findLast((each) => each[2] === name);
      if (last && last[1] === from) last[1] = to;
      else shades.push([from, to, name]);
    };
    for (const point of points) {
      const from = point[at("second")];
      const to = from + point[at("seconds")];
      if (PHASES[point[at("phase")]]) add(from, to, PHASES[point[at("phase")]]);
      if (point[at("excluded")]) add(from, to, "--excluded");
    }
    return shades;
  };
  const shade = (canvas, area, graph, shades) => {
    for (const [from, to, name] of shades) {
      const left = Math.max(area.x, graph.toDomXCoord(from));
      const right = Math.min(area.x + area.w, graph.toDomXCoord(to));
      if (right <= left) continue;
      canvas.fillStyle = color(name);
      canvas.fillRect(left, area.y, right - left, area.h);
    }
  };

  // The points as the master has them: a point replaces those that it covers.
  const merged = (known, answer) => {
    if (answer.whole) return answer.points;
    const at = (name) => answer.columns.indexOf(name);
    const starts = (point) => point[at("second")];
    const covered = (second) =>
      answer.points.some((point) => starts(point) <= second && second < starts(point) + point[at("seconds")]);
    const kept = answer.points.length ? known.filter((point) => !covered(starts(point))) : known;
    return [...kept, ...answer.points].sort((a, b) => starts(a) - starts(b));
  };

  return {
    clock,
    figure,
    merged,
    on(parent) {
      const charts = CHARTS.map((spec) => new Chart(spec, parent));
      return {
        draw: (points, columns) => charts.forEach((chart) => chart.draw(points, columns)),
        restyle: () => charts.forEach((chart) => chart.restyle()),
        clear: () => charts.forEach((chart) => (chart.figure.hidden = true)),
      };
    },
  };
})();
