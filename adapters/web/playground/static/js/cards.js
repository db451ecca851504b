// A card, drawn from the desk's JSON.

import { h, icon } from "./dom.js";
import { askForm } from "./forms.js";

const KEYS_THAT_MOVE = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"]);
const SETTLE_MS = 700;

/** press(action, value, fields) → promise; null draws the card without its controls. */
export function drawCard(card, press) {
  const blocks = press === null ? card.blocks.filter((block) => block.type !== "actions") : card.blocks;
  const body = blocks.map((block) => (DRAW[block.type] ?? unknown)(block, press));
  const title = card.title ? h("h3", { class: "card-title", dir: "auto" }, card.title) : null;
  return h("div", { class: "card", data: { tone: card.tone } }, title, body);
}

/** Open the first form of a card's buttons, as a surface with modals does when something needed is missing. */
export function openFirstForm(card, press) {
  for (const block of card.blocks) {
    for (const item of block.type === "actions" ? block.items : []) {
      if (item.type === "button" && item.form) {
        askForm(item, (fields) => press(item.action, item.value, fields));
        return;
      }
    }
  }
}

const DRAW = {
  text: (block) => h("p", { class: "card-text", dir: "auto" }, block.spans.map(drawSpan)),
  fields: (block) =>
    h(
      "dl",
      { class: "card-fields" },
      block.items.map((item) => h("div", {}, h("dt", {}, item.name), h("dd", { dir: "auto" }, item.value))),
    ),
  table: drawTable,
  chart: (block) =>
    h(
      "figure",
      { class: "card-chart" },
      h("img", { src: pictureOf(block.src), alt: block.alt, width: 1152, height: 464, decoding: "async", data: { chart: block.src } }),
    ),
  actions: (block, press) =>
    h(
      "div",
      { class: "card-actions" },
      block.items.map((item) => (item.type === "select" ? drawSelect(item, press) : drawButton(item, press))),
    ),
  time: (block) => h("p", { class: "card-text" }, h("time", { datetime: block.at, title: block.at }, block.label)),
  divider: () => h("hr", {}),
  note: (block) => h("p", { class: "card-note", dir: "auto" }, block.text),
};

const unknown = (block) => h("p", { class: "card-note" }, `(This page can't draw “${block.type}”.)`);

function drawSpan(span) {
  if (span.style === "bold") return h("strong", {}, span.text);
  if (span.style === "code") return h("code", {}, span.text);
  if (span.style === "muted") return h("span", { class: "muted" }, span.text);
  return span.text;
}

function drawTable(block) {
  const side = (index) => (block.columns[index]?.align === "right" ? "right" : "left");
  const head = block.columns.map((column, index) => h("th", { scope: "col", class: side(index) }, column.name));
  const rows = block.rows.map((row) =>
    h("tr", {}, row.map((cell, index) => h("td", { class: side(index), dir: "auto" }, cell))),
  );
  // A wide table scrolls by itself, with the keyboard too.
  const named = block.columns.some((column) => column.name);
  return h(
    "div",
    { class: "card-table", tabindex: 0, role: "group", "aria-label": "Table" },
    h("table", {}, named ? h("thead", {}, h("tr", {}, head)) : null, h("tbody", {}, rows)),
  );
}

function drawButton(item, press) {
  const button = h(
    "button",
    {
      type: "button",
      class: `button ${item.style}`,
      data: { action: item.action, value: item.value },
    },
    item.label,
  );
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-busy") === "true" || button.closest("[data-settling]")) return;
    if (item.form) askForm(item, (fields) => busy(button, press(item.action, item.value, fields)));
    else busy(button, press(item.action, item.value, {}));
  });
  return button;
}

async function busy(control, work) {
  control.setAttribute("aria-busy", "true");
  try {
    await work;
  } finally {
    control.removeAttribute("aria-busy");
  }
}

function drawSelect(item, press) {
  const options = item.options.map((option) =>
    h("option", { value: option.value, selected: option.selected }, option.label),
  );
  // With nothing chosen yet the browser would show the first option as if it were: and choosing that would do nothing.
  if (!item.options.some((option) => option.selected))
    options.unshift(h("option", { value: "", selected: true, disabled: true, hidden: true }, "Choose…"));
  const select = h("select", { data: { action: item.action } }, options);
  let sent = select.value;
  let waiting = 0;
  let byKey = false;
  const choose = () => {
    clearTimeout(waiting);
    if (select.value === sent) return;
    sent = select.value;
    busy(select, press(item.action, select.value, {}));
  };
  select.addEventListener("keydown", (event) => {
    byKey = KEYS_THAT_MOVE.has(event.key);
    if (event.key === "Enter") choose();
  });
  select.addEventListener("pointerdown", () => (byKey = false));
  // Arrow keys walk through the options: whoever does so gets to finish walking.
  select.addEventListener("change", () => {
    clearTimeout(waiting);
    if (byKey) waiting = setTimeout(choose, SETTLE_MS);
    else choose();
  });
  return h("label", { class: "card-select" }, h("span", {}, item.label), select);
}

const pictureOf = (source) => `${source}?theme=${document.documentElement.dataset.shown}`;

/** After the appearance has changed: every picture in its colours. */
export function repaintCharts() {
  for (const picture of document.querySelectorAll("img[data-chart]")) picture.src = pictureOf(picture.dataset.chart);
}

/** Files that came with a reply. */
export function drawFiles(files) {
  if (!files.length) return null;
  return h(
    "ul",
    { class: "files" },
    files.map((file) =>
      h(
        "li",
        {},
        h(
          "a",
          { href: file.url, download: file.name },
          icon("file"),
          h("span", { class: "file-name" }, file.name),
          h("span", { class: "muted" }, sizeText(file.size)),
        ),
      ),
    ),
  );
}

function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
