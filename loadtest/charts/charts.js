// Draws the tables of a page as charts. A chart shows what stands in its table and nothing else, so that every number
// in it can be read as text. Needs dygraphs; without scripts the tables stay.
"use strict";

const LoadtestCharts = (() => {
  const PERCENTILES = [0, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 99.9999];
  const DASHES = [null, [6, 3], [2, 2], [8, 3, 2, 3]];
  const COLOURS = 8;
  const charts = [];

  const style = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();
  const number = (text) => (/^-?[\d.]+(e[-+]?\d+)?$/i.test(text) ? Number(text) : null);

  // A figure's table as dygraphs takes it: rows of numbers, of which the first is x.
  function rowsOf(table) {
    return [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => number(cell.dataset.value ?? cell.textContent.trim())));
  }

  const labelsOf = (table) => [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());

  function shown(value, unit) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    const size = Math.abs(value);
    const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
    return `${value.toLocaleString("en", { maximumFractionDigits: digits })}${unit ? ` ${unit}` : ""}`;
  }

  function clock(seconds) {
    const s = Math.round(seconds);
    const two = (n) => String(n).padStart(2, "0");
    return s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
  }

  const percentileOf = (x) => 100 * (1 - 1 / x);
  const percentileText = (x) => `p${Number(percentileOf(x).toPrecision(6))}`;

  // Stretches of the run behind the lines: ramps, and what was left out.
  function shade(figure, context, area, graph) {
    for (const piece of JSON.parse(figure.dataset.shade || "[]")) {
      const left = Math.max(graph.toDomXCoord(piece.from), area.x);
      const right = Math.min(graph.toDomXCoord(piece.to), area.x + area.w);
      if (right <= left) continue;
      context.fillStyle = style(figure, `--shade-${piece.kind}`);
      context.fillRect(left, area.y, right - left, area.h);
    }
  }

  function legend(figure, labels) {
    const list = figure.querySelector(".legend");
    list.replaceChildren();
    return labels.map((label, index) => {
      const item = document.createElement("li");
      const line = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      line.setAttribute("viewBox", "0 0 24 8");
      line.setAttribute("aria-hidden", "true");
      const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
      for (const [name, value] of Object.entries({ x1: 0, x2: 24, y1: 4, y2: 4 })) stroke.setAttribute(name, value);
      stroke.setAttribute("class", `line-${index % COLOURS}`);
      const dash = DASHES[Math.floor(index / COLOURS) % DASHES.length];
      if (dash) stroke.setAttribute("stroke-dasharray", dash.join(" "));
      line.append(stroke);
      const value = document.createElement("output");
      item.append(line, document.createTextNode(`${label} `), value);
      list.append(item);
      return value;
    });
  }

  function options(figure, labels, values, graphOf) {
    const unit = figure.dataset.unit || "";
    const distribution = figure.dataset.kind === "distribution";
    const where = figure.querySelector(".at");
    const names = labels.slice(1);
    const say = (row) => {
      const graph = graphOf();
      const x = graph.getValue(row, 0);
      where.textContent = distribution ? percentileText(x) : `at ${clock(x)}`;
      values.forEach((value, index) => { value.textContent = shown(graph.getValue(row, index + 1), unit); });
    };
    return {
      labels,
      colors: names.map((_, index) => style(figure, `--line-${index % COLOURS}`)),
      series: Object.fromEntries(names.map((name, index) => [name, { strokePattern: DASHES[Math.floor(index / COLOURS) % DASHES.length] }])),
      legend: "never",
      strokeWidth: 1.5,
      highlightCircleSize: 3,
      connectSeparatedPoints: false,
      drawPoints: false,
      includeZero: figure.dataset.zero !== "no",
      logscale: figure.dataset.log === "y",
      axisLineColor: style(figure, "--rule"),
      gridLineColor: style(figure, "--rule"),
      axisLabelFontSize: 12,
      axes: {
        y: { axisLabelWidth: 58, axisLabelFormatter: (value) => shown(value, ""), valueFormatter: (value) => shown(value, unit) },
        x: distribution
          ? {
              logscale: true,
              drawGrid: true,
              ticker: (low, high) => PERCENTILES.map((p) => 1 / (1 - p / 100)).filter((x) => x >= low * 0.999 && x <= high * 1.001).map((x) => ({ v: x, label: percentileText(x) })),
              valueFormatter: percentileText,
            }
          : { axisLabelFormatter: clock, valueFormatter: clock, drawGrid: false, pixelsPerLabel: 70 },
      },
      underlayCallback: (context, area, graph) => shade(figure, context, area, graph),
      highlightCallback: (_event, _x, _points, row) => say(row),
      say,
    };
  }

  function draw(figure) {
    const table = figure.querySelector("table");
    const plot = figure.querySelector(".plot");
    const labels = labelsOf(table);
    const rows = rowsOf(table);
    if (rows.length < 2) return null;
    const values = legend(figure, labels.slice(1));
    let graph = null;
    const chosen = options(figure, labels, values, () => graph);
    const { say, ...rest } = chosen;
    graph = new Dygraph(plot, rows, rest);
    plot.tabIndex = 0;
    let row = rows.length - 1;
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -rows.length, End: rows.length }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      row = Math.min(Math.max(row + step, 0), rows.length - 1);
      graph.setSelection(row);
      say(row);
    });
    return { figure, graph, labels };
  }

  // Colours come from the style sheet, which knows the theme; the canvas has to be told.
  function repaint() {
    for (const { figure, graph, labels } of charts) {
      graph.updateOptions({
        colors: labels.slice(1).map((_, index) => style(figure, `--line-${index % COLOURS}`)),
        axisLineColor: style(figure, "--rule"),
        gridLineColor: style(figure, "--rule"),
      });
      graph.resize();
    }
  }

  function drawAll(root) {
    for (const figure of root.querySelectorAll("figure[data-kind]")) {
      const chart = draw(figure);
      if (chart) charts.push(chart);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
    matchMedia("print").addEventListener("change", repaint);
    addEventListener("beforeprint", repaint);
    addEventListener("afterprint", repaint);
  }

  return { draw, drawAll, repaint, shown, clock };
})();
