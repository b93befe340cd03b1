/** Fields with their labels, hints and errors tied together. */
import { html, useState } from "../core/ui.js";

/** A dialog may ask for what the view behind it asks for, too: each field has an ID of its own. */
let fields = 0;

/** A text field. Every other property goes to the input. */
export function Field({ label, name, value, onInput, hint, error, className = "", multiline = false, ...rest }) {
  const [id] = useState(() => `field-${name}-${++fields}`);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const shared = {
    id,
    name,
    value,
    "aria-describedby": described,
    "aria-invalid": error ? "true" : undefined,
    onInput: (event) => onInput(event.currentTarget.value),
    ...rest,
  };
  return html`<div class=${`field ${className}`}>
    <label for=${id}>${label}</label>
    ${multiline ? html`<textarea rows="2" ...${shared}></textarea>` : html`<input ...${shared} />`}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}
  </div>`;
}

/** One of a few: buttons that say which is pressed. */
export function Choices({ label, options, value, onChoose }) {
  return html`<div class="choices" role="group" aria-label=${label}>
    ${options.map(([key, text]) => html`<button key=${key} type="button" aria-pressed=${String(key === value)} onClick=${() => onChoose(key)}>${text}</button>`)}
  </div>`;
}

/** A box to tick. */
export function Check({ label, checked, onChange }) {
  return html`<label class="check"
    ><input
      type="checkbox"
      checked=${checked}
      onChange=${(event) => onChange(event.currentTarget.checked)}
    />${label}</label
  >`;
}
