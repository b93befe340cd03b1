/**
 * What the appliance pushes over `WS /ws`, and the state of that line.
 *
 * Nothing that decides is taken from a push alone: it says that something changed, and the views ask again.
 */
import { accessToken, refresh, session } from "./session.js";
import { createStore } from "./store.js";

const WAIT_FIRST_MS = 500;
const WAIT_MAX_MS = 15_000;
const TOKEN_ENDED = 4401;

/** `line`: off, connecting, live, lost. `epoch` counts the times that everything has to be asked for again. */
export const live = createStore({
  line: "off",
  epoch: 0,
  status: null,
  portfolio: null,
  tickers: {},
  startedAt: null,
  restarted: false,
  aheadMs: 0,
});

const listeners = new Map();
let socket = null;
let wait = WAIT_FIRST_MS;
let timer = 0;
let wanted = false;

/** Calls `listener` with every push of one type. */
export function onPush(type, listener) {
  if (!listeners.has(type)) listeners.set(type, new Set());
  listeners.get(type).add(listener);
  return () => listeners.get(type).delete(listener);
}

/** Connects, and stays so until `disconnect`. */
export function connect() {
  wanted = true;
  if (!socket) open();
}

/** Ends the line, at the end of a session. */
export function disconnect() {
  wanted = false;
  clearTimeout(timer);
  socket?.close();
  socket = null;
  live.set({ line: "off", status: null, portfolio: null, tickers: {}, startedAt: null, restarted: false });
}

async function open() {
  clearTimeout(timer);
  live.set({ line: live.get().line === "off" ? "connecting" : "lost" });
  let token;
  try {
    token = await accessToken();
  } catch {
    return again();
  }
  if (!wanted || socket) return;
  const mine = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
  socket = mine;
  mine.onopen = () => mine.send(JSON.stringify({ type: "AUTH", token }));
  mine.onmessage = (event) => mine === socket && hear(event.data);
  mine.onclose = async (event) => {
    if (mine !== socket) return;
    socket = null;
    if (event.code === TOKEN_ENDED) {
      wait = WAIT_FIRST_MS;
      await refresh().catch(() => {});
    }
    again();
  };
}

function again() {
  if (!wanted || session.get().state !== "in") return;
  live.set({ line: "lost" });
  timer = setTimeout(open, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, WAIT_MAX_MS);
}

/** A push as `{type, data}`, whose data has members unless it only says that the line is ready; else null. */
function read(text) {
  try {
    const { type, data } = JSON.parse(text);
    return type === "READY" || (typeof data === "object" && data !== null) ? { type, data } : null;
  } catch {
    return null;
  }
}

function hear(text) {
  const push = read(text);
  if (!push) return;
  if (push.type === "READY") {
    wait = WAIT_FIRST_MS;
    live.set({ line: "live", epoch: live.get().epoch + 1 });
    session.set({ reachable: true });
  } else if (push.type === "TICKER_UPDATE" && typeof push.data.symbol === "string") {
    live.set({ tickers: { ...live.get().tickers, [push.data.symbol]: push.data } });
  } else if (push.type === "STATUS_UPDATE") {
    takeStatus(push.data);
  } else if (push.type === "PORTFOLIO_UPDATE") {
    live.set({ portfolio: push.data });
  }
  for (const listener of listeners.get(push.type) ?? []) listener(push.data);
}

/** Takes a status, pushed or asked for, and notices when the daemon began anew. */
export function takeStatus(status) {
  const before = live.get().startedAt;
  const began = status.started_at ?? null;
  const restarted = before !== null && began !== null && before !== began;
  const aheadMs = new Date(status.now).getTime() - Date.now() || 0;
  live.set({
    status,
    aheadMs,
    startedAt: began ?? before,
    ...(restarted ? { restarted: true, epoch: live.get().epoch + 1 } : {}),
  });
}

/** Milliseconds of now by the appliance's clock, which is the one that proposals expire by. */
export function nowThere() {
  return Date.now() + live.get().aheadMs;
}

/** Puts the notice of a restart away. */
export function seenRestart() {
  live.set({ restarted: false });
}
