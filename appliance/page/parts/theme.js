/** Light, dark, or as the device has it. */
import { html, useState } from "../core/ui.js";
import { Choices } from "./forms.js";

const KEY = "readytrader.look";

/** What was chosen in this browser. */
function chosen() {
  const look = localStorage.getItem(KEY);
  return look === "light" || look === "dark" ? look : "auto";
}

/** Puts the choice in force. */
export function applyTheme() {
  const look = chosen();
  if (look === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = look;
}

/** The switch. */
export function ThemeSwitch() {
  const [look, setLook] = useState(chosen());
  const choose = (next) => {
    localStorage.setItem(KEY, next);
    applyTheme();
    setLook(next);
  };
  return html`<${Choices}
    label="Look"
    value=${look}
    onChoose=${choose}
    options=${[
      ["auto", "Auto"],
      ["light", "Light"],
      ["dark", "Dark"],
    ]}
  />`;
}
