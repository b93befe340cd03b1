/** Which view is shown: the part of the address after `#`, so that nothing is asked of the server for it. */
import { createStore } from "./store.js";

function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  let parts;
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    parts = [];
  }
  return { view: parts[0] ?? "now", rest: parts.slice(1), query: new URLSearchParams(query) };
}

export const route = createStore(read());

addEventListener("hashchange", () => route.set(read()));

/** The address of a view. */
export function to(view, ...rest) {
  return `#/${[view, ...rest].map(encodeURIComponent).join("/")}`;
}

/** Shows a view. */
export function go(view, ...rest) {
  location.hash = to(view, ...rest);
}
