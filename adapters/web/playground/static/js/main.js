// Wires the page: events from the desk into the store, the top bar's buttons, panes on narrow screens.

import { drawCard, repaintCharts } from "./cards.js";
import { startComposer } from "./composer.js";
import { byId, dayText, h, hourText, icon, toast } from "./dom.js";
import { startJournal } from "./journal.js";
import { listen, send } from "./net.js";
import { avatar } from "./parts.js";
import { startPeople } from "./people.js";
import { changed, countUnread, creators, remembered, show, state } from "./store.js";
import { startTimeline } from "./timeline.js";
import { startTour } from "./tour.js";

const HEAR = {
  state(data) {
    state.people = data.people;
    state.commands = data.commands;
    state.posts = new Map(data.posts.map((post) => [post.id, post]));
    state.journal = data.journal;
    setClock(data.clock);
    if (!state.people.some((one) => one.id === state.me)) {
      const before = state.people.find((one) => one.id === remembered("desk-me"));
      state.me = (before ?? creators()[0] ?? state.people[0]).id;
      state.surface = (before && remembered("desk-surface")) || "dm";
    }
    changed("state");
  },
  post(post) {
    const before = state.posts.has(post.id);
    state.posts.set(post.id, post);
    if (before) return;
    countUnread(post);
    changed("post", post);
  },
  change(post) {
    state.posts.set(post.id, post);
    changed("change", post);
  },
  people(people) {
    state.people = people;
    changed("people");
  },
  journal(books) {
    state.journal = { ...books, entries: [...books.entries, ...state.journal.entries].slice(0, 60) };
    changed("journal", books.entries);
  },
  clock: setClock,
};

const JUMPS = {
  night: { id: "jump", about: "the day before settles" },
  month: { id: "jump-month", about: "a month of the assistants closes, or closed ones are paid out" },
};
let offset = 0;

function setClock(clock) {
  state.clock = clock;
  offset = Date.parse(clock.now) - Date.now();
  for (const [name, { id, about }] of Object.entries(JUMPS)) {
    const moment = clock.jumps[name];
    byId(id).hidden = !moment;
    if (moment) byId(id).title = `To ${dayText(moment)}, ${hourText(moment)} UTC: ${about}`;
  }
  tick();
}

function tick() {
  if (!state.clock) return;
  const now = Date.now() + offset;
  const box = byId("clock");
  box.dateTime = new Date(now).toISOString();
  box.querySelector(".clock-day").textContent = dayText(now);
  box.querySelector(".clock-hour").textContent = `${hourText(now)} UTC`;
}

async function work(button, act) {
  if (button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (error) {
    toast(error.message);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function startJump(button, to) {
  button.prepend(icon("forward"));
  button.addEventListener("click", () =>
    work(button, async () => {
      const clock = await send("jump", { to });
      changed("acted", button.id);
      toast(`It is ${dayText(clock.now)}, ${hourText(clock.now)} UTC. What was due has been done.`);
    }),
  );
}

function startTop() {
  for (const [to, { id }] of Object.entries(JUMPS)) startJump(byId(id), to);
  const both = byId("both");
  both.prepend(icon("clicks"));
  both.addEventListener("click", () =>
    work(both, async () => {
      const { answers } = await send("both");
      changed("acted", "payout.approve");
      showAnswers(answers);
    }),
  );
  startTheme(byId("theme"));
  const journal = byId("journal-toggle");
  journal.prepend(icon("book"));
  journal.addEventListener("click", () => {
    const open = document.body.classList.toggle("journal-open");
    journal.setAttribute("aria-expanded", String(open));
    if (open) byId("entries").focus();
  });
  byId("journal").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("journal-open")) return;
    journal.click();
    journal.focus();
  });
  setInterval(tick, 1000);
}

/** Two answers side by side: one of two clicks decides, the other is told who was quicker. */
function showAnswers(answers) {
  const dialog = byId("answers");
  dialog.replaceChildren(
    h("h2", { id: "answers-title" }, "Both clicked Approve in the same instant"),
    h(
      "div",
      { class: "answers" },
      answers.map(({ person, card }) =>
        h(
          "section",
          { "aria-label": `What ${person.name} reads` },
          h("p", { class: "answer-who" }, avatar(person.id, person.name, state.people.findIndex((one) => one.id === person.id)), h("strong", { dir: "auto" }, person.name), h("span", { class: "muted" }, "reads")),
          drawCard(card, null),
        ),
      ),
    ),
    h("div", { class: "sheet-actions" }, h("button", { type: "button", class: "button primary", onclick: () => dialog.close() }, "Close")),
  );
  dialog.showModal();
}

function startTheme(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const draw = () => {
    root.dataset.shown = isDark() ? "dark" : "light";
    button.setAttribute("aria-pressed", String(isDark()));
    button.replaceChildren(icon(isDark() ? "sun" : "moon"));
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("desk-theme", root.dataset.theme);
    } catch {
      // Without storage the choice lasts until the page is closed.
    }
    draw();
    repaintCharts();
  });
  system.addEventListener("change", () => {
    draw();
    repaintCharts();
  });
  draw();
}

/** On narrow screens one pane shows at a time. */
function startPanes() {
  const buttons = [...document.querySelectorAll(".panes button")];
  const choose = (pane) => {
    document.body.dataset.pane = pane;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.pane));
  choose("chat");
  return choose;
}

const choosePane = startPanes();
startTop();
startPeople(() => choosePane("chat"));
startTimeline();
startComposer();
startJournal();
startTour();
listen(Object.keys(HEAR), (kind, data) => HEAR[kind](data), (lost) => (byId("line-lost").hidden = !lost));
if (matchMedia("(min-width: 760px)").matches) byId("line").focus();
