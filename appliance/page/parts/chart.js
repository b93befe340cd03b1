/** Curves over time, drawn by TradingView Lightweight Charts, which is loaded when the first one is shown. */
import { forDrawing } from "../core/format.js";
import { html, useEffect, useRef, useState } from "../core/ui.js";

const colour = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
};

const faded = (rgb, alpha) =>
  `rgba(${rgb
    .match(/[\d.]+/g)
    .slice(0, 3)
    .join(", ")}, ${alpha})`;

function look() {
  const soft = colour("--ink-soft");
  const line = colour("--line");
  return {
    autoSize: true,
    layout: {
      background: { color: "transparent" },
      textColor: soft,
      attributionLogo: false,
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 12,
    },
    grid: { vertLines: { visible: false }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line, minimumWidth: 76 },
    timeScale: { borderColor: line, timeVisible: true, secondsVisible: false, rightOffset: 3 },
    crosshair: { vertLine: { labelBackgroundColor: soft }, horzLine: { labelBackgroundColor: soft } },
    handleScroll: { vertTouchDrag: false },
  };
}

/** Points of one curve: one for each second, in order, those without a value left out. The axis has no time zone of its own. */
export function toCurve(points, pick) {
  const curve = new Map();
  for (const point of points) {
    const value = forDrawing(pick(point));
    const at = new Date(point.at);
    const time = Math.floor(at.getTime() / 1000) - at.getTimezoneOffset() * 60;
    if (value !== null && Number.isFinite(time)) curve.set(time, value);
  }
  return [...curve].sort((a, b) => a[0] - b[0]).map(([time, value]) => ({ time, value }));
}

/**
 * One curve with the area under it.
 * @param {{curve: {time: number, value: number}[], label: string, ink: string, low?: boolean, inverted?: boolean, format?: object}} props
 * `ink` is the custom property of its colour; `label` is what a screen reader is told.
 */
export function Chart({ curve, label, ink, low = false, inverted = false, format }) {
  const box = useRef(null);
  const drawn = useRef(null);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    let gone = false;
    let chart = null;
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const paint = () => {
      if (!drawn.current) return;
      const stroke = colour(ink);
      chart.applyOptions(look());
      drawn.current.applyOptions({
        lineColor: stroke,
        topColor: faded(stroke, inverted ? 0.04 : 0.28),
        bottomColor: faded(stroke, inverted ? 0.28 : 0.02),
      });
    };
    const watcher = new MutationObserver(paint);
    import("../vendor/lightweight-charts.js")
      .then(({ AreaSeries, createChart }) => {
        if (gone) return;
        chart = createChart(box.current, look());
        drawn.current = chart.addSeries(AreaSeries, {
          lineWidth: 2,
          invertFilledArea: inverted,
          priceLineVisible: false,
          ...(format ? { priceFormat: format } : {}),
        });
        for (const canvas of box.current.querySelectorAll("table, canvas")) canvas.setAttribute("aria-hidden", "true");
        paint();
        drawn.current.setData(curve);
        chart.timeScale().fitContent();
        watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
        scheme.addEventListener("change", paint);
      })
      .catch(() => setFailed(true));
    return () => {
      gone = true;
      watcher.disconnect();
      scheme.removeEventListener("change", paint);
      drawn.current = null;
      chart?.remove();
    };
  }, [ink, inverted]);

  useEffect(() => {
    drawn.current?.setData(curve);
  }, [curve]);

  if (failed) return html`<p class="hint">The chart could not be drawn. The figures beside it stand.</p>`;
  return html`<div class=${`chart ${low ? "low" : ""}`} ref=${box} role="img" aria-label=${label}></div>`;
}
