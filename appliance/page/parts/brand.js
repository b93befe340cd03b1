/** The name and its sign, and what the page is made with. */
import { html } from "../core/ui.js";

/** The sign and the name. */
export function Brand() {
  return html`<svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="currentColor" />
      <path d="M7 21h6v-6h6V9h6" fill="none" stroke="var(--surface)" stroke-width="3" stroke-linecap="square" />
      <path d="M7 25.500h18" stroke="var(--surface)" stroke-width="1.5" opacity="0.7" /></svg
    ><span>ReadyTrader</span>`;
}

/** The foot of every page: the charts' makers ask to be named with a link. */
export function Foot({ version }) {
  return html`<footer class="foot">
    <span>ReadyTrader ${version}</span>
    <span>
      ${"Charts: "}
      <a href="https://www.tradingview.com/" rel="noreferrer noopener" target="_blank">TradingView</a> Lightweight
      Charts™, © 2026 TradingView, Inc., Apache-2.0
    </span>
    <span><a href="/page/vendor/manifest.json">Parts by others</a></span>
  </footer>`;
}
