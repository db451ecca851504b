// Where one types: completion, argument hints, history.

import { byId, h, toast } from "./dom.js";
import { send } from "./net.js";
import { linkCode } from "./people.js";
import { me, state, watch } from "./store.js";

const line = byId("line");
const list = byId("completions");
const usage = byId("usage");
const DEBOUNCE_MS = 60;
const HISTORY = 100;

let found = [];
let active = -1;
let asking = null;
let timer = 0;
const histories = new Map();
let recalled = -1;
let draft = "";

export function startComposer() {
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  line.addEventListener("input", () => {
    recalled = -1;
    hint();
    clearTimeout(timer);
    timer = setTimeout(ask, DEBOUNCE_MS);
  });
  line.addEventListener("keydown", onKey);
  // A click on a completion comes after the blur. Whoever is back in the line by then keeps what is offered there.
  line.addEventListener("blur", () => setTimeout(() => document.activeElement === line || close(), 150));
  watch("state", () => {
    drawChips();
    hint();
  });
  watch("people", drawChips);
  watch("place", () => {
    drawChips();
    hint();
    close();
    recalled = -1;
  });
}

function onKey(event) {
  if (event.isComposing) return;
  const open = !list.hidden;
  if (event.key === "ArrowDown" && open) move(event, 1);
  else if (event.key === "ArrowUp" && open && active >= 0) move(event, -1);
  else if (event.key === "ArrowUp") recall(event, 1);
  else if (event.key === "ArrowDown" && recalled >= 0) recall(event, -1);
  else if (event.key === "Escape" && open) {
    event.preventDefault();
    close();
  } else if (event.key === "Tab" && open && !event.shiftKey && found.some((one) => !one.hint_only)) {
    event.preventDefault();
    accept(active < 0 ? found.findIndex((one) => !one.hint_only) : active);
  } else if (event.key === "Enter" && open && active >= 0) {
    event.preventDefault();
    accept(active);
  }
}

/** Up and down through what can be taken; below the last one nothing is chosen, as at first. */
function move(event, step) {
  event.preventDefault();
  do active += step;
  while (found[active]?.hint_only);
  if (active >= found.length) active = -1;
  mark();
}

/** Arrow up: what this person typed before. */
function recall(event, step) {
  const history = histories.get(state.me) ?? [];
  const next = recalled + step;
  if (next >= history.length || (step > 0 && recalled < 0 && line.value && !history.length)) return;
  event.preventDefault();
  if (recalled < 0) draft = line.value;
  recalled = next;
  line.value = next < 0 ? draft : history[next];
  line.setSelectionRange(line.value.length, line.value.length);
  close();
  hint();
}

async function ask() {
  asking?.abort();
  const text = line.value;
  if (!text.startsWith("/")) {
    close();
    return;
  }
  asking = new AbortController();
  try {
    const answer = await send("suggest", { person: state.me, text }, asking.signal);
    if (line.value !== text || document.activeElement !== line) return;
    // "[from]: From this UTC day on" says what may follow and adds nothing.
    found = answer.suggestions.map((one) => ({ ...one, hint_only: one.value.trim() === text.trim() }));
    draw(text);
  } catch (error) {
    if (error.name !== "AbortError") close();
  }
}

function draw(text) {
  const nothing = found.every((one) => one.hint_only && one.label === one.value.trim());
  if (nothing) {
    close();
    return;
  }
  // While a command's name is half typed, Enter takes the best match; later on, Enter sends.
  const complete = text.includes(" ") || found.some((one) => one.hint_only);
  active = complete || text === "/" ? -1 : 0;
  list.replaceChildren(
    ...found.map((one, index) =>
      h(
        "li",
        {
          id: `completion-${index}`,
          role: "option",
          "aria-disabled": one.hint_only ? "true" : null,
          onpointerdown: (event) => (event.preventDefault(), one.hint_only || accept(index)),
        },
        h("span", { class: "completion-value", dir: "auto" }, one.label || one.value),
        h("span", { class: "muted" }, one.hint),
      ),
    ),
  );
  list.hidden = false;
  line.setAttribute("aria-expanded", "true");
  mark();
}

function mark() {
  [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === active)));
  if (active >= 0) {
    line.setAttribute("aria-activedescendant", `completion-${active}`);
    list.children[active].scrollIntoView({ block: "nearest" });
  } else {
    line.removeAttribute("aria-activedescendant");
  }
}

function close() {
  found = [];
  active = -1;
  list.hidden = true;
  list.replaceChildren();
  line.setAttribute("aria-expanded", "false");
  line.removeAttribute("aria-activedescendant");
}

function accept(index) {
  line.value = found[index].value;
  if (!line.value.endsWith(" ")) line.value += " ";
  line.focus();
  line.setSelectionRange(line.value.length, line.value.length);
  close();
  hint();
  ask();
}

/** How the command that is being typed is written. */
function hint() {
  const text = line.value;
  const known = state.commands
    .filter((command) => text === command.name || text.startsWith(`${command.name} `))
    .sort((one, other) => other.name.length - one.name.length)[0];
  usage.classList.toggle("plain", !known);
  usage.replaceChildren(
    ...(known
      ? [h("code", {}, known.usage), h("span", {}, known.summary)]
      : [h("span", {}, "Type "), h("kbd", {}, "/"), h("span", {}, " for commands, "), h("kbd", {}, "Tab"), h("span", {}, " to complete, "), h("kbd", {}, "↑"), h("span", {}, " for what you typed before.")]),
  );
}

export async function submit(text = line.value) {
  const said = text.trim();
  if (!said) return;
  clearTimeout(timer);
  asking?.abort();
  close();
  const history = histories.get(state.me) ?? [];
  histories.set(state.me, [said, ...history.filter((one) => one !== said)].slice(0, HISTORY));
  recalled = -1;
  line.value = "";
  hint();
  try {
    await send("run", { person: state.me, surface: state.surface, text: said });
  } catch (error) {
    if (!line.value) line.value = said;
    toast(error.message);
  }
}

/** Put a command into the input and let the person finish it. */
export function fill(text) {
  line.value = text;
  line.focus();
  hint();
  ask();
}

const CHIPS = {
  creator: ["/balance", "/stats", "/explain", "/withdraw 50", "/transactions", "/help"],
  desk: ["/desk approvals", "/desk settlement", "/desk batch", "/help"],
  stranger: ["/balance", "/help"],
};

function drawChips() {
  const who = me();
  if (!who) return;
  const kind = !who.linked ? "stranger" : who.creator ? "creator" : "desk";
  const chips = CHIPS[kind].map((text) => chip(text, () => submit(text)));
  if (kind === "stranger") chips.unshift(chip("Get a link code", getCode));
  byId("chips").replaceChildren(...chips);
}

function chip(text, act) {
  return h("button", { type: "button", class: "chip", onclick: act }, text);
}

async function getCode() {
  try {
    const { code, name } = await linkCode();
    fill(`/link ${code}`);
    toast(`${name}'s account page shows this code. Press Enter within ten minutes.`);
  } catch (error) {
    toast(error.message);
  }
}
