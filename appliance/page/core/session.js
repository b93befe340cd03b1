/**
 * Who is signed in, and every request in their name.
 *
 * What a session is made of lies in this tab's sessionStorage: a reload keeps it, and a closed tab ends it. There are no
 * cookies: they know no port, and another program on this host may serve one.
 *
 * A refresh token that is used twice ends its session, so two tabs must never have the same. A duplicated tab begins with
 * a copy of the first one's storage; each tab therefore holds a lock (Web Locks API) under a name of its own, which lies
 * in the storage beside the tokens. Whoever finds that lock held is a copy, forgets the tokens, and signs in for itself.
 */
import { createStore } from "./store.js";

const KEY = "readytrader.session";
const REFRESH_AHEAD_MS = 30_000;
/** The document that a reload replaces may let go of its lock a moment after the next one asks for it. */
const CLAIM_WAIT_MS = 2000;

/**
 * `state`: starting, out, in, expired (was in, and has to sign in again), copied (a duplicated tab, which has to sign in).
 * `acts` counts what was done here: after each, everything that is shown is asked for again.
 */
export const session = createStore({
  state: "starting",
  username: "",
  role: "",
  factors: { totp: false, passkeys: 0 },
  reachable: true,
  acts: 0,
});

/** What lies in the storage: `{tab, access, endsAt, refresh}`; null while nobody is signed in. */
let held = null;
let letGo = () => {};
let refreshing = null;
let refreshTimer = 0;

/** An answer that is not what was asked for. `code` is the appliance's, or `unreachable`. */
export class ApiError extends Error {
  constructor(status, code, text) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

const RANKS = { viewer: 1, operator: 2, admin: 3 };

/** Whether the role of who is signed in is at least this one. The appliance checks it again. */
export function mayAs(role) {
  return (RANKS[session.get().role] ?? 0) >= RANKS[role];
}

/** One request without a session. */
async function send(method, path, body, token) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
  } catch {
    session.set({ reachable: false });
    const after =
      method === "GET" ? "This page keeps trying." : "Whether it was done is not known: look before you ask again.";
    throw new ApiError(0, "unreachable", `The appliance does not answer. ${after}`);
  }
  session.set({ reachable: true });
  if (response.ok) return response;
  const said = await response.json().catch(() => null);
  const error = said?.error ?? {};
  throw new ApiError(
    response.status,
    String(error.code ?? `http_${response.status}`),
    String(error.text ?? `The appliance answered ${response.status}.`),
  );
}

/** Whether this tab is the only one with what it holds: true until it lets go, or false where another tab is. */
function claim(tab) {
  if (!navigator.locks) return Promise.resolve(true); // a browser too old for them: as if nobody duplicated tabs
  return new Promise((resolve) => {
    const hold = () => {
      resolve(true);
      return new Promise((end) => (letGo = end));
    };
    navigator.locks.request(`${KEY} ${tab}`, { signal: AbortSignal.timeout(CLAIM_WAIT_MS) }, hold).catch(() => resolve(false));
  });
}

/** What this tab held before it was loaded, or null. */
function stored() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY));
    const whole = ["tab", "access", "refresh"].every((name) => typeof found[name] === "string");
    return whole && Number.isFinite(found.endsAt) ? found : null;
  } catch {
    return null;
  }
}

/** Takes what sign-in and refresh answer. */
function take(answer) {
  const tab = held?.tab ?? newTab();
  const endsAt = Date.now() + answer.expires_in * 1000;
  held = { tab, access: answer.access_token, endsAt, refresh: answer.refresh_token };
  sessionStorage.setItem(KEY, JSON.stringify(held));
  renewInTime(answer.expires_in * 1000);
  know(answer);
}

function newTab() {
  const tab = crypto.randomUUID();
  claim(tab);
  return tab;
}

function know({ username, role, factors }) {
  session.set({ state: "in", username, role, factors });
}

function renewInTime(leftMs) {
  clearTimeout(refreshTimer);
  const wait = Math.max(1000, leftMs - Math.min(REFRESH_AHEAD_MS, leftMs / 3));
  refreshTimer = setTimeout(() => refresh().catch(() => {}), wait);
}

function forget(state) {
  held = null;
  letGo();
  clearTimeout(refreshTimer);
  sessionStorage.removeItem(KEY);
  session.set({ state, username: "", role: "", factors: { totp: false, passkeys: 0 } });
}

/** A fresh access token. One request at a time: a refresh token that is used twice ends the session. */
export function refresh() {
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function renew() {
  const before = held;
  if (!before) throw new ApiError(401, "signed_out", "Sign in again.");
  try {
    const response = await send("POST", "/api/auth/refresh", { refresh_token: before.refresh });
    const answer = await response.json();
    // Whoever signed out while this was under way stays out.
    if (held !== before) throw new ApiError(0, "signed_out", "Sign in again.");
    take(answer);
  } catch (error) {
    const over = error.status === 401 || error.status === 400;
    if (over && held === before) forget("expired");
    throw error;
  }
}

/** The token for this moment, renewed where it is about to end. */
export async function accessToken() {
  if (!held || Date.now() > held.endsAt - 5000) await refresh();
  return held.access;
}

/**
 * Begins with the session that this tab had, if any. Without an answer it is tried again until there is one. The access
 * token is used as long as it lasts: a reload in the middle of a renewal would lose the answer, and the session with it.
 */
export async function resumeSession() {
  held = stored();
  if (!held) return forget("out");
  if (!(await claim(held.tab))) return forget("copied");
  renewInTime(held.endsAt - Date.now());
  for (let wait = 500; session.get().state === "starting"; wait = Math.min(wait * 2, 8000)) {
    try {
      know(await get("/api/auth/me"));
    } catch (error) {
      if (session.get().state !== "starting") return;
      if (error.code !== "unreachable" && error.status < 500 && error.status !== 429) return forget("out");
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** Signs in. Raises ApiError: bad_credentials, totp_needed, locked. */
export async function signIn(username, password, totp) {
  const response = await send("POST", "/api/auth/login", totp ? { username, password, totp } : { username, password });
  take(await response.json());
}

/** Ends the session here and at the appliance. */
export async function signOut() {
  const token = held?.access;
  forget("out");
  if (token) await send("POST", "/api/auth/logout", {}, token).catch(() => {});
}

/** Asks who is signed in again, after factors changed. */
export async function lookAgain() {
  const me = await get("/api/auth/me");
  session.set({ role: me.role, factors: me.factors });
}

const OWN_401 = new Set(["factor_needed", "factor_refused", "bad_credentials", "totp_needed"]);

async function ask(method, path, body) {
  const token = await accessToken();
  try {
    return await send(method, path, body, token);
  } catch (error) {
    if (error.status !== 401 || OWN_401.has(error.code)) throw error;
    if (held?.access === token) await refresh();
    return send(method, path, body, await accessToken());
  }
}

/** What a path answers, as JSON. */
export async function get(path) {
  return (await ask("GET", path)).json();
}

/** What a path answers to an act, as JSON. */
export async function post(path, body = {}) {
  const response = await ask("POST", path, body);
  if (!path.startsWith("/api/auth/")) session.set({ acts: session.get().acts + 1 });
  return response.json();
}

/** What a path answers, as a file: `{blob, name}`. */
export async function getFile(path) {
  const response = await ask("GET", path);
  const named = /filename="?([\w.-]+)"?/.exec(response.headers.get("Content-Disposition") ?? "");
  return { blob: await response.blob(), name: named ? named[1] : "readytrader" };
}
