/**
 * Values as people read them. Money arrives as text and is shown as that text: grouped for the eye, never computed with.
 */

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});
const AMOUNT = /^(-?)(\d+)(\.\d+)?(\s.*)?$/;
const GROUP = "\u202f";

/** An amount's text with thin spaces between thousands. What is no plain number is shown as it came. */
export function amount(text) {
  if (text === null || text === undefined || text === "") return "–";
  const found = AMOUNT.exec(String(text));
  if (!found) return String(text);
  const [, sign, whole, fraction = "", unit = ""] = found;
  return `${sign ? "−" : ""}${whole.replace(/\B(?=(\d{3})+$)/g, GROUP)}${fraction}${unit.replace(" ", "\u00a0")}`;
}

/** A percentage's text, at most two digits after the point, cut and not rounded up; what is cut away is never nothing. */
export function percent(text) {
  if (text === null || text === undefined || text === "") return "–";
  const found = /^(-?\d+)(?:\.(\d+))?$/.exec(String(text));
  if (!found) return `${text} %`;
  const fraction = (found[2] ?? "").slice(0, 2).replace(/0+$/, "");
  if (/^-?0$/.test(found[1]) && !fraction && /[1-9]/.test(found[2] ?? "")) return "under 0.01 %";
  return `${found[1].replace("-", "−")}${fraction ? `.${fraction}` : ""} %`;
}

/** A number for drawing only: the length of a bar, the height of a curve. */
export function forDrawing(text) {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? value : null;
}

/** A moment in this browser's time zone. */
export function moment(text) {
  const at = new Date(text);
  return text && !Number.isNaN(at.getTime()) ? DATE.format(at) : "–";
}

/** A moment of today as a clock, any other with its date. */
export function shortMoment(text) {
  const at = new Date(text);
  if (!text || Number.isNaN(at.getTime())) return "–";
  return at.toDateString() === new Date().toDateString() ? CLOCK.format(at) : DATE.format(at);
}

/** How long ago a moment was, in its largest unit. */
export function ago(text, now = Date.now()) {
  if (!text) return "never";
  const seconds = Math.max(0, Math.round((now - new Date(text).getTime()) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** Seconds as m:ss. */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** The first and last characters of a long ID or digest. */
export function brief(text, head = 10, tail = 6) {
  const whole = String(text ?? "");
  return whole.length <= head + tail + 1 ? whole : `${whole.slice(0, head)}…${whole.slice(-tail)}`;
}

/** A scope of restrictions as people call it: a symbol by itself, anything else with what it is. */
export function scopeWords(scope) {
  if (scope === "global") return "all trading";
  const [kind, ...name] = String(scope).split(":");
  return kind === "symbol" ? name.join(":") : [kind, name.join(":")].filter(Boolean).join(" ");
}

/** Words for a name with underscores. */
export function words(text) {
  const plain = String(text ?? "").replaceAll("_", " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
