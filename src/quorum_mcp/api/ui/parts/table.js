// @ts-check
/**
 * A table: sorted by its heads, walked with j and k, opened with Enter, left with Esc, thousands of rows in pages.
 * On a phone each row is a card.
 */
import { html } from "../lib/html.js";
import { useEffect, useMemo, useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Pager } from "./pager.js";
import { onRows } from "../lib/rows.js";
import { Icon } from "./icon.js";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {(row: Row) => any} [show] what stands in the cell; absent: the row's field `key`
 * @property {(row: Row) => string|number|null|undefined} [by] what is sorted by; absent: the column cannot be sorted
 * @property {boolean} [number] figures stand right, in columns
 * @property {boolean} [wide] takes what room there is, and is cut off where there is too little
 */

/** @typedef {{key: string, down: boolean}} Order */

/**
 * @template Row
 * @param {object} props
 * @param {string} props.label what the table holds, for screen readers
 * @param {Column<Row>[]} props.columns the first names the row
 * @param {Row[]} props.rows
 * @param {(row: Row) => string} props.id
 * @param {(row: Row) => string} [props.href] the row is a link
 * @param {(row: Row) => void} [props.onOpen] the row is a button; instead of `href`
 * @param {string|null} [props.opened] the id of the row that is open; j and k take it along
 * @param {() => void} [props.onClose] Esc, while a row is open
 * @param {Order|null} [props.order] where the page keeps the order in its address, with `onOrder`
 * @param {(order: Order) => void} [props.onOrder]
 * @param {number} [props.size] rows on a page
 * @param {number|null} [props.total] of all rows, where more than `rows` exist
 * @param {(() => Promise<void>)|null} [props.more] fetches the next rows; null where these are all
 * @param {any} [props.empty] what stands there when there is no row
 */
export function Table(props) {
  const { label, columns, rows, id, size = 50, total = null, more = null, empty } = props;
  const body = useRef(/** @type {HTMLElement|null} */ (null));
  const own = useSignal(/** @type {Order|null} */ (null));
  const order = props.onOrder ? (props.order ?? null) : own.value;
  const page = useSignal(0);
  const sorted = useMemo(() => inOrder(rows, columns, order), [rows, columns, order?.key, order?.down]);
  const last = Math.max(0, Math.ceil(sorted.length / size) - 1);
  const at = Math.min(page.value, last);
  const shown = sorted.slice(at * size, (at + 1) * size);
  const { opened, onClose } = props;
  useEffect(() => onRows(() => body.current, { opened: opened ?? null, onClose }), [opened, onClose]);

  /** @param {Column<any>} column */
  const sort = (column) => {
    const next = { key: column.key, down: order?.key === column.key ? !order.down : column.number === true };
    page.value = 0;
    if (props.onOrder) props.onOrder(next);
    else own.value = next;
  };
  if (!rows.length && empty) return empty;
  return html`
    <div class="table-frame" role="region" aria-label=${label} tabindex="0">
      <table class="table" role="table" aria-label=${label} aria-rowcount=${total ?? rows.length}>
        <thead role="rowgroup">
          <tr role="row">${columns.map((column) => html`<${Head} key=${column.key} column=${column} order=${order} sort=${sort} />`)}</tr>
        </thead>
        <tbody role="rowgroup" ref=${body}>
          ${shown.map((row) => html`<${Line} key=${id(row)} row=${row} table=${props} />`)}
        </tbody>
      </table>
    </div>
    <${Pager} page=${page} at=${at} size=${size} count=${sorted.length} total=${total} more=${more} />
  `;
}

/** @param {{column: Column<any>, order: Order|null, sort: (column: Column<any>) => void}} props */
function Head({ column, order, sort }) {
  const mine = order?.key === column.key ? order : null;
  const kind = [column.number && "number", column.wide && "wide-cell"].filter(Boolean).join(" ");
  return html`
    <th scope="col" role="columnheader" class=${kind} aria-sort=${mine ? (mine.down ? "descending" : "ascending") : undefined}>
      ${column.by
        ? html`<button type="button" class="sort" onClick=${() => sort(column)}>
            ${column.title}<${Icon} name=${mine && !mine.down ? "up" : "chevron"} size=${14} />
          </button>`
        : column.title}
    </th>
  `;
}

/** @param {{row: any, table: any}} props */
function Line({ row, table }) {
  const { columns, id, href, onOpen, opened } = table;
  const own = id(row);
  const open = onOpen && ((/** @type {Event} */ event) => {
    event.preventDefault();
    onOpen(row);
  });
  /** @param {MouseEvent} event a click anywhere in the row opens it, but not one on something of its own */
  const anywhere = (event) => {
    const on = /** @type {HTMLElement} */ (event.target);
    if (on.closest("a, button, input, label, select") || String(getSelection())) return;
    /** @type {HTMLElement|null} */ (/** @type {HTMLElement} */ (event.currentTarget).querySelector("[data-row]"))?.click();
  };
  return html`
    <tr role="row" data-id=${own} class=${own === opened ? "opened" : ""} onClick=${href || onOpen ? anywhere : undefined}>
      ${columns.map((/** @type {Column<any>} */ column, /** @type {number} */ index) => {
        const kind = [column.number && "number", column.wide && "wide-cell"].filter(Boolean).join(" ");
        const content = column.show ? column.show(row) : row[column.key];
        if (index > 0) return html`<td role="cell" class=${kind} data-label=${column.title}>${content}</td>`;
        const inside = href
          ? html`<a data-row href=${href(row)}>${content}</a>`
          : open
            ? html`<button type="button" class="row-open" data-row aria-expanded=${own === opened} onClick=${open}>${content}</button>`
            : html`<span data-row tabindex="-1">${content}</span>`;
        return html`<th role="rowheader" scope="row" class=${kind}>${inside}</th>`;
      })}
    </tr>
  `;
}

/**
 * @template Row
 * @param {Row[]} rows @param {Column<Row>[]} columns @param {Order|null} order @returns {Row[]} what has no value stands last
 */
function inOrder(rows, columns, order) {
  const by = columns.find((column) => column.key === order?.key)?.by;
  if (!by || !order) return rows;
  const turn = order.down ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [by(one), by(other)];
    if (a === b) return 0;
    if (a === null || a === undefined) return 1;
    if (b === null || b === undefined) return -1;
    if (typeof a === "string" && typeof b === "string") return turn * a.localeCompare(b, "en", { numeric: true });
    return a < b ? -turn : turn;
  });
}
