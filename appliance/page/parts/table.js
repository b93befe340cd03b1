/** Tables that become cards on a phone: each cell carries its column's name. */
import { html } from "../core/ui.js";

/**
 * @param {{caption: string, columns: {name: string, cell: (row: any) => any, number?: boolean, act?: boolean}[], rows: any[], keyOf: (row: any) => string}} props
 */
export function Table({ caption, columns, rows, keyOf }) {
  const kind = (column) => (column.number ? "number" : column.act ? "act" : undefined);
  return html`<div class="table-scroll">
    <table class="table">
      <caption class="unseen">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => html`<th key=${column.name} scope="col" class=${kind(column)}>${column.act ? html`<span class="unseen">${column.name}</span>` : column.name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr key=${keyOf(row)}>
              ${columns.map((column) => html`<td key=${column.name} class=${kind(column)} data-label=${column.act ? "" : column.name}>${column.cell(row)}</td>`)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
