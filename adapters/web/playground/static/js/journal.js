// The books, live: every entry with its transfers and the balances it left.

import { byId, dayText, h, hourText, icon, toast } from "./dom.js";
import { get } from "./net.js";
import { state, watch } from "./store.js";

const list = byId("entries");
const KEPT = 60;

export function startJournal() {
  watch("state", () => {
    list.replaceChildren(...state.journal.entries.map((entry) => drawEntry(entry)));
    drawBooks();
  });
  watch("journal", (entries) => {
    const end = list.scrollTop;
    list.querySelector(".no-entries")?.remove();
    list.prepend(...entries.map((entry) => drawEntry(entry, true)));
    while (list.children.length > KEPT) list.lastElementChild.remove();
    if (end < 40) list.scrollTop = 0;
    drawBooks();
  });
}

function drawBooks() {
  const { accounts, sum, balanced } = state.journal;
  byId("books").replaceChildren(
    icon(balanced ? "check" : "book"),
    `${accounts.toLocaleString("en-US")} accounts sum to ${sum}`,
  );
  byId("books").dataset.balanced = String(balanced);
  if (!list.children.length) {
    list.append(h("li", { class: "no-entries" }, "No entry yet. Money that moves is written here, twice: out of one account, into another."));
  }
}

function drawEntry(entry, fresh = false) {
  const rows = h("tbody", {}, entry.transfers.map(drawTransfer).flat());
  const more = entry.count - entry.transfers.length;
  return h(
    "li",
    { class: `entry${fresh ? " fresh" : ""}`, data: { entry: entry.id } },
    h(
      "p",
      { class: "entry-head" },
      h("strong", {}, entry.label),
      h("span", { class: "kind" }, entry.kind),
      h("span", { class: "moved" }, entry.moved),
    ),
    h(
      "p",
      { class: "memo" },
      h("time", { datetime: entry.at, title: `Effective ${dayText(entry.at)} ${hourText(entry.at)} UTC` }, `${dayText(entry.at).slice(4, -5)}, ${hourText(entry.at)}`),
      entry.memo ? [" · ", h("bdi", {}, entry.memo)] : null,
      entry.reverses ? ` · reverses ${entry.reverses}` : null,
    ),
    h("table", { class: "transfers" }, HEAD.cloneNode(true), rows),
    more > 0 ? moreButton(entry, rows, more) : null,
  );
}

const HEAD = h(
  "thead",
  {},
  h("tr", {}, ["Account", "Amount", "Balance after"].map((name) => h("th", { scope: "col" }, name))),
);

/** Two rows: what leaves one account arrives in another. */
function drawTransfer(transfer) {
  return [
    side(transfer.debit, `−${transfer.amount}`, transfer.debit_after, "from"),
    side(transfer.credit, transfer.amount, transfer.credit_after, "to"),
  ];
}

function side(name, amount, after, way) {
  const [program, ...rest] = name.split(":");
  return h(
    "tr",
    { class: way },
    h("td", {}, h("bdi", {}, h("span", { class: "muted" }, `${program}:`), rest.join(":"))),
    h("td", { class: "amount" }, amount),
    h("td", { class: "after" }, after ?? ""),
  );
}

function moreButton(entry, rows, more) {
  const button = h("button", { type: "button", class: "more" }, `${more.toLocaleString("en-US")} more transfers`);
  button.addEventListener("click", async () => {
    try {
      const { transfers } = await get(`journal/${entry.id}`);
      rows.replaceChildren(...transfers.map(drawTransfer).flat());
      const left = entry.count - transfers.length;
      button.replaceWith(left > 0 ? h("p", { class: "memo" }, `and ${left.toLocaleString("en-US")} more, in the export`) : "");
    } catch (error) {
      toast(error.message);
    }
  });
  return button;
}
