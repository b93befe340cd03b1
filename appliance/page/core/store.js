/** What several parts of the page show at once, in one value that tells who watches it. */
import { useEffect, useRef, useState } from "./ui.js";

/**
 * A value that can be watched.
 * @template T
 * @param {T} initial
 */
export function createStore(initial) {
  let value = initial;
  const watchers = new Set();
  return {
    get: () => value,
    /** Puts a part of the value in place of what was there. */
    set(patch) {
      value = { ...value, ...patch };
      for (const watcher of [...watchers]) watcher(value);
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** The part of a store that `pick` takes; draws again when that part becomes another. */
export function useStore(store, pick) {
  const [, redraw] = useState(0);
  const drawn = useRef(null);
  drawn.current = { pick, picked: pick(store.get()) };
  useEffect(() => {
    const look = (value) => Object.is(drawn.current.pick(value), drawn.current.picked) || redraw((count) => count + 1);
    look(store.get()); // what changed between drawing and watching
    return store.watch(look);
  }, [store]);
  return drawn.current.picked;
}

/** What is said to the person for a moment, and read out: `{kind: "good"|"bad"|"note", text, id}`. */
export const toasts = createStore({ shown: [] });

let toastNumber = 0;

/** Says something for some seconds. An error stays until it is put away. */
export function say(text, kind = "good") {
  const id = ++toastNumber;
  toasts.set({ shown: [...toasts.get().shown.slice(-3), { id, text, kind }] });
  if (kind !== "bad") setTimeout(() => unsay(id), 7000);
}

/** Puts one saying away. */
export function unsay(id) {
  toasts.set({ shown: toasts.get().shown.filter((it) => it.id !== id) });
}
