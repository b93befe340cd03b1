/** What a view asks the appliance for: loaded, loaded again when something changed, and honest about failing. */
import { live, onPush } from "./live.js";
import { get, session } from "./session.js";
import { say, useStore } from "./store.js";
import { useCallback, useEffect, useRef, useState } from "./ui.js";

const GATHER_MS = 120;

/**
 * The answer to a GET, kept fresh.
 * @param {string | null} path null asks nothing
 * @param {{on?: string[], everyMs?: number}} [when] pushes after which it is asked for again, and how often anyway
 * @returns {{data: any, error: Error | null, loading: boolean, reload: () => Promise<void>}}
 */
export function useResource(path, { on = [], everyMs = 0 } = {}) {
  const [state, setState] = useState({ path: null, data: null, error: null, loading: true });
  const epoch = useStore(live, (it) => it.epoch);
  const acts = useStore(session, (it) => it.acts);
  const turn = useRef(0);

  const reload = useCallback(async () => {
    const mine = ++turn.current;
    if (path === null) return;
    try {
      const data = await get(path);
      if (mine === turn.current) setState({ path, data, error: null, loading: false });
    } catch (error) {
      if (mine === turn.current)
        setState((was) => ({ path, data: was.path === path ? was.data : null, error, loading: false }));
    }
  }, [path]);

  useEffect(() => {
    reload();
    return () => void turn.current++;
  }, [reload, epoch, acts]);

  useEffect(() => {
    let timer = 0;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(reload, GATHER_MS);
    };
    const ends = on.map((type) => onPush(type, soon));
    const clock = everyMs ? setInterval(() => document.hidden || reload(), everyMs) : 0;
    return () => {
      clearTimeout(timer);
      clearInterval(clock);
      for (const end of ends) end();
    };
  }, [reload, on.join(), everyMs]);

  const stale = state.path !== path;
  return {
    data: stale ? null : state.data,
    error: stale ? null : state.error,
    loading: stale || state.loading,
    reload,
  };
}

/**
 * A list that comes in pages, newest first. The first page is kept fresh, and what was asked for below it stays.
 * @param {string} path with a query
 * @param {{rows: string, keyOf: (row: any) => any, on: string[]}} list where the rows are in an answer, and what tells two apart
 * @returns {{first: ReturnType<typeof useResource>, all: any[], older: (() => Promise<void>) | null}} `older` is null at the end
 */
export function usePages(path, { rows, keyOf, on }) {
  const first = useResource(path, { on });
  const [kept, setKept] = useState({ path: null, rows: [], next: null });
  const newest = first.data?.[rows] ?? [];
  const known = new Set(newest.map(keyOf));
  // So much may have come meanwhile that the fresh page does not reach down to the kept ones: a gap is never hidden.
  const joined = kept.path === path && kept.rows.some((row) => known.has(keyOf(row)));
  const all = joined ? [...newest, ...kept.rows.filter((row) => !known.has(keyOf(row)))] : newest;
  const next = (joined ? kept.next : first.data?.next) ?? null;
  const older = async () => {
    try {
      const page = await get(`${path}&before=${encodeURIComponent(next)}`);
      setKept({ path, rows: [...all, ...page[rows]], next: page.next ?? null });
    } catch (error) {
      say(error.message, "bad");
    }
  };
  return { first, all, older: next === null ? null : older };
}
