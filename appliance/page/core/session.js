/**
 * Who is signed in, and every request in their name.
 *
 * The access token lives in memory alone; the refresh token in this tab's sessionStorage, so that a reload keeps the
 * session and a closed tab ends it. There are no cookies: they know no port, and another program on this host may serve
 * one.
 */
import { createStore } from "./store.js";

const REFRESH_KEY = "readytrader.refresh";
const REFRESH_AHEAD_MS = 30_000;

/**
 * `state`: starting, out, in, expired (was in, and has to sign in again). `acts` counts what was done here: after each,
 * everything that is shown is asked for again.
 */
export const session = createStore({
  state: "starting",
  username: "",
  role: "",
  factors: { totp: false, passkeys: 0 },
  reachable: true,
  acts: 0,
});

let access = "";
let accessEndsAt = 0;
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

/** Takes what sign-in and refresh answer. */
function take(answer) {
  access = answer.access_token;
  accessEndsAt = Date.now() + answer.expires_in * 1000;
  sessionStorage.setItem(REFRESH_KEY, answer.refresh_token);
  session.set({ state: "in", username: answer.username, role: answer.role, factors: answer.factors });
  clearTimeout(refreshTimer);
  const lead = Math.min(REFRESH_AHEAD_MS, (answer.expires_in * 1000) / 3);
  refreshTimer = setTimeout(() => refresh().catch(() => {}), Math.max(1000, answer.expires_in * 1000 - lead));
}

function forget(state) {
  access = "";
  accessEndsAt = 0;
  clearTimeout(refreshTimer);
  sessionStorage.removeItem(REFRESH_KEY);
  session.set({ state, username: "", role: "", factors: { totp: false, passkeys: 0 } });
}

/** A fresh access token. One request at a time: a refresh token that is used twice ends the session. */
export function refresh() {
  refreshing ??= renew().finally(() => (refreshing = null));
  return refreshing;
}

async function renew() {
  const token = sessionStorage.getItem(REFRESH_KEY);
  if (!token) {
    if (session.get().state === "in") forget("expired");
    throw new ApiError(401, "signed_out", "Sign in again.");
  }
  try {
    const response = await send("POST", "/api/auth/refresh", { refresh_token: token });
    const answer = await response.json();
    // Whoever signed out while this was under way stays out.
    if (sessionStorage.getItem(REFRESH_KEY) !== token) throw new ApiError(0, "signed_out", "Sign in again.");
    take(answer);
  } catch (error) {
    const over = error.status === 401 || error.status === 400;
    if (over && sessionStorage.getItem(REFRESH_KEY) === token) forget("expired");
    throw error;
  }
}

/** The token for this moment, renewed where it is about to end. */
export async function accessToken() {
  if (!access || Date.now() > accessEndsAt - 5000) await refresh();
  return access;
}

/** Begins with the session that this tab had, if any. Without an answer it is tried again until there is one. */
export async function resumeSession() {
  if (!sessionStorage.getItem(REFRESH_KEY)) {
    session.set({ state: "out" });
    return;
  }
  for (let wait = 500; session.get().state === "starting"; wait = Math.min(wait * 2, 8000)) {
    try {
      await refresh();
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
  const token = access;
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
    if (access === token) await refresh();
    return send(method, path, body, access);
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
