/** One small line chart of the last five minutes, with its newest value as text beside it. */

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { setText } from "./dom.js";

const HEIGHT = 64;
/** Seconds across the chart at least, so that the first reports are a line and not a dash at its end. */
const SPAN_S = 60;
const darkScheme = matchMedia("(prefers-color-scheme: dark)");
const color = (name) => () => getComputedStyle(document.documentElement).getPropertyValue(name);

/** See the top of this file. */
export class Chart {
  #metric;
  #plot = null;
  #data;
  #value = document.createElement("output");
  #place = document.createElement("div");
  #figure = document.createElement("figure");
  #observer = new ResizeObserver(([entry]) => this.#resize(Math.floor(entry.contentRect.width)));
  #redraw = () => this.#plot?.redraw();

  /**
   * @param {Element} parent
   * @param {(typeof import("../model/metrics.js").METRICS)[number]} metric
   */
  constructor(parent, metric) {
    this.#metric = metric;
    this.#data = metric.beside ? [[], [], []] : [[], []];
    const caption = document.createElement("figcaption");
    const label = document.createElement("span");
    label.textContent = metric.label;
    this.#value.textContent = "–";
    // It changes every 3 s; reading it out each time would drown everything else.
    this.#value.setAttribute("aria-live", "off");
    caption.append(label, this.#value);
    this.#place.className = "plot";
    this.#place.setAttribute("aria-hidden", "true");
    this.#figure.append(caption, this.#place);
    parent.append(this.#figure);
    this.#observer.observe(this.#place);
    darkScheme.addEventListener("change", this.#redraw);
  }

  /** @param {import("../model/history.js").History} history */
  show(history) {
    const { key, beside, text } = this.#metric;
    const value = history.newest[key];
    setText(this.#value, value === null ? "–" : text(value));
    if (key === "grade") this.#figure.dataset.grade = String(value ?? -1);
    this.#data = beside ? [...history.columns(key), history.columns(beside)[1]] : history.columns(key);
    this.#plot?.setData(this.#data);
  }

  /** Before the element goes. */
  destroy() {
    this.#observer.disconnect();
    darkScheme.removeEventListener("change", this.#redraw);
    this.#plot?.destroy();
  }

  /** The width is only known once the page is laid out, and is 0 in a closed fold. */
  #resize(width) {
    if (width === 0) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else this.#plot = new uPlot(options(this.#metric, width), this.#data, this.#place);
  }
}

function options(metric, width) {
  const line = { stroke: color("--chart-line"), fill: color("--chart-fill"), width: 1.5, points: { size: 3 } };
  const own = metric.key === "grade" ? { ...line, fill: undefined, paths: uPlot.paths.stepped({ align: -1 }) } : line;
  const beside = metric.beside ? [{ stroke: color("--soft"), width: 1, dash: [4, 3], points: { show: false } }] : [];
  return {
    width,
    height: HEIGHT,
    padding: [6, 4, 4, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: (_, oldest, newest) => [Math.min(oldest, newest - SPAN_S), newest] },
      y: valueScale(metric),
    },
    axes: [{ show: false }, valueAxis(metric)],
    series: [{}, own, ...beside],
  };
}

function valueScale({ key, top }) {
  // The best grade is 0 and stands at the top.
  if (key === "grade") return { dir: -1, range: [-0.3, top + 0.3] };
  return { range: (_, __, max) => [0, Math.max(top, (max ?? 0) * 1.1)] };
}

function valueAxis({ key }) {
  const axis = {
    size: 34,
    gap: 4,
    font: "10px system-ui, sans-serif",
    stroke: color("--soft"),
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
    space: 24,
  };
  return key === "grade" ? { ...axis, splits: () => [0, 4], values: () => ["best", "worst"] } : axis;
}
