/**
 * What this browser remembers of the journal: the key that it saw first, and the largest checkpoint that it verified.
 * A server that shows another key, or a journal that became shorter or different, is told apart by it.
 */
const KEY = "readytrader.journal.key";
const SEEN = "readytrader.journal.seen";

/** The key to verify with: `{vkey, first, changed}`. The one that was seen first stays until a person replaces it. */
export function pinnedKey(offered) {
  const pinned = localStorage.getItem(KEY);
  if (pinned === null && offered) localStorage.setItem(KEY, offered);
  return {
    vkey: pinned ?? offered ?? "",
    first: pinned === null,
    changed: pinned !== null && Boolean(offered) && pinned !== offered,
  };
}

/** Trusts another key from now on. */
export function pinKey(vkey) {
  localStorage.setItem(KEY, vkey);
  localStorage.removeItem(SEEN);
}

/** Compares a verified checkpoint with the largest one before; answers what is wrong, or "". */
export function compareWithSeen({ origin, size }, root) {
  const seen = JSON.parse(localStorage.getItem(SEEN) ?? "null");
  if (seen && seen.origin === origin) {
    if (size < seen.size)
      return `The journal had ${seen.size} entries when this browser looked last, and has ${size} now.`;
    if (size === seen.size && root !== seen.root)
      return `The journal of ${size} entries is not the one that this browser saw before.`;
  }
  localStorage.setItem(SEEN, JSON.stringify({ origin, size, root }));
  return "";
}
