/** One entry, and what this browser verified of it, step by step. */
import { saveText } from "../core/download.js";
import { NotProven, verifyProof } from "../core/journal_proof.js";
import { useResource } from "../core/resource.js";
import { moment } from "../core/format.js";
import { compareWithSeen, pinKey, pinnedKey } from "../core/witness.js";
import { html, useEffect, useState } from "../core/ui.js";
import { Icon } from "./icons.js";
import { Loading, Panel, Resource } from "./states.js";

async function examine(proof, offered, seq) {
  const key = pinnedKey(offered);
  try {
    const proven = await verifyProof(proof, key.vkey, seq);
    const shrunk = proven.signature === "signed" ? compareWithSeen(proven.checkpoint, proven.root) : "";
    return { key, proven, shrunk };
  } catch (error) {
    const why = error instanceof NotProven ? error.message : "the proof could not be read";
    return { key, failure: why };
  }
}

function Step({ kind, children }) {
  return html`<li class=${kind}>
    <${Icon} name=${kind} />
    <div>${children}</div>
  </li>`;
}

function Signature({ signature }) {
  if (signature === "signed")
    return html`<${Step} kind="good"><strong>Checkpoint’s signature: verified in this browser</strong> (Ed25519).</${Step}>`;
  if (signature === "unsupported")
    return html`<${Step} kind="warn"><strong>Checkpoint’s signature: not verified.</strong> This browser has no Ed25519. On the host: <code>readytrader audit verify</code></${Step}>`;
  return html`<${Step} kind="warn"><strong>Checkpoint’s signature: not verified.</strong> No public key of this journal is known.</${Step}>`;
}

function Verdict({ found, again }) {
  const { key, proven, failure, shrunk } = found;
  return html`<ul class="verdict" aria-live="polite">
    ${
      failure
        ? html`<${Step} kind="bad"><strong>Not proven:</strong> ${failure}.</${Step}>`
        : html`<${Step} kind="good"><strong>Inclusion: verified in this browser.</strong> The entry’s bytes and its path lead to the root of the journal of ${proven.checkpoint.size} entries (RFC 6962, SHA-256).</${Step}>
          <${Signature} signature=${proven.signature} />`
    }
    ${shrunk && html`<${Step} kind="bad"><strong>The past was changed.</strong> ${shrunk}</${Step}>`}
    ${
      key.changed
        ? html`<${Step} kind="bad"><strong>The appliance shows another key</strong> than the one this browser saw first, which is the one used here.
          <div><button class="button" type="button" onClick=${() => {
            pinKey(key.offered);
            again();
          }}>Trust the new key from now on</button></div></${Step}>`
        : key.vkey &&
          html`<${Step} kind=${key.first ? "warn" : "good"}>${key.first ? "The key was taken from the appliance just now, and is remembered. Compare it with what " : "The key is the one that this browser saw first. "}${key.first && html`<code>readytrader init</code> printed: `}<code>${key.vkey}</code></${Step}>`
    }
  </ul>`;
}

/** Whether the bytes that were proven say what is shown; only what was proven is shown where they are known. */
function Content({ found, entry }) {
  if (!found.proven)
    return html`<pre tabindex="0">${JSON.stringify(entry, null, 2)}</pre>
      <p class="hint">As the appliance shows it; not proven.</p>`;
  return html`<pre tabindex="0">${JSON.stringify(found.proven.entry, null, 2)}</pre>
    <p class="hint">Read from the bytes that were verified.</p>`;
}

function Examined({ seq, proof, entry, offered }) {
  const [found, setFound] = useState(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let mine = true;
    examine(proof, offered, seq).then((result) => mine && setFound({ ...result, key: { ...result.key, offered } }));
    return () => void (mine = false);
  }, [proof, offered, turn]);
  if (!found) return html`<${Loading} what="Verifying" />`;
  const shown = found.proven?.entry ?? entry ?? {};
  return html`<div class="columns">
    <${Panel} title="Verification" className="half"><${Verdict} found=${found} again=${() => setTurn(turn + 1)} />
      <div class="row"><button class="button" type="button" onClick=${() => saveText(proof, `journal-${seq}.tlog-proof`)}>Download the proof</button></div>
      <p class="hint">A C2SP tlog-proof: anybody with the public key can check it.</p></${Panel}>
    <${Panel} title="Facts" className="half"><dl class="facts"><dt>Kind</dt><dd><strong>${shown.kind}</strong></dd><dt>At</dt><dd>${moment(shown.at)}</dd><dt>Entry</dt><dd class="mono">${seq}</dd>
      ${
        found.proven &&
        html`<dt>Root</dt>
          <dd class="mono">${found.proven.root}</dd>`
      }</dl></${Panel}>
    <${Panel} title="Entry"><${Content} found=${found} entry=${entry} /></${Panel}>
  </div>`;
}

/** The entry `seq`. */
export function JournalEntry({ seq }) {
  const asked = useResource(`/api/journal/${seq}`);
  const checkpoint = useResource("/api/journal/checkpoint");
  return html`<${Resource} of=${asked} what="Entry">${(data) =>
    checkpoint.loading
      ? html`<${Loading} what="Checkpoint" />`
      : html`<${Examined}
          seq=${seq}
          proof=${data.proof}
          entry=${data.entry}
          offered=${checkpoint.data?.vkey ?? ""}
        />`}</${Resource}>`;
}
