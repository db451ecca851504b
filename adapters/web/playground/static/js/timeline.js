// The messages of the place that is looked at.

import { drawCard, drawFiles, openFirstForm } from "./cards.js";
import { byId, dayText, h, hourText, icon, toast } from "./dom.js";
import { send } from "./net.js";
import { avatar, PLACES } from "./parts.js";
import { changed, inView, me, person, state, watch } from "./store.js";

const box = byId("timeline");
const newer = byId("newer");
const drawn = new Map();
const NEAR_END = 80;
const SETTLING_MS = 600;

export function startTimeline() {
  watch("place", drawAll);
  watch("state", drawAll);
  watch("post", (post) => {
    if (inView(post)) append(post, true);
  });
  watch("change", repaint);
  newer.append(icon("down"));
  newer.addEventListener("click", () => toEnd());
  box.addEventListener("scroll", () => {
    if (nearEnd()) newer.hidden = true;
  });
  // Pictures push what stands below them: stay at the end if that is where the reader was.
  box.addEventListener("load", () => stick && !standing() && toEnd(), true);
}

/** The control of a message that has the focus: whoever stands on one is not carried away from it. */
function standing() {
  const focus = document.activeElement;
  return focus !== box && box.contains(focus) ? focus : null;
}

let stick = true;
let lastDay = "";

function nearEnd() {
  return box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
}

function toEnd() {
  box.scrollTop = box.scrollHeight;
  newer.hidden = true;
}

function drawAll() {
  const focused = standing();
  const stood = focused?.closest("[data-post]")?.dataset.post;
  drawn.clear();
  lastDay = "";
  const posts = [...state.posts.values()].filter(inView);
  box.setAttribute("aria-live", "off"); // a place's history is not news
  box.replaceChildren(posts.length ? "" : welcome());
  for (const post of posts) append(post, false);
  toEnd();
  const again = drawn.get(stood); // the same place once more, after the line was cut
  if (again) (sameControl(again, focused) ?? again).focus();
  requestAnimationFrame(() => box.setAttribute("aria-live", "polite"));
}

function welcome() {
  const place = PLACES[state.surface];
  const [title, text] = place.empty ?? greeting();
  return h("div", { class: "welcome" }, h("h3", {}, title), h("p", {}, text));
}

function greeting() {
  const who = me();
  if (!who) return ["…", ""];
  if (!who.linked) {
    return ["You are new here.", "The desk doesn't know who you are yet. Get a code below, as from the platform's account page, and link yourself."];
  }
  if (who.creator) return [`Hello, ${who.name}.`, "You earn when others use your projects. Ask the desk with a command, or pick one below."];
  return [`Hello, ${who.name}.`, "You help to run the desk. Requests to be paid wait in #payout-approvals."];
}

function append(post, news) {
  const end = nearEnd();
  box.querySelector(".welcome")?.remove();
  const day = dayText(post.at);
  if (day !== lastDay) box.append(h("p", { class: "day" }, h("span", {}, day)));
  lastDay = day;
  const element = drawPost(post);
  drawn.set(post.id, element);
  box.append(element);
  stick = !news || end || post.seen_by === state.me;
  if (stick) toEnd();
  else newer.hidden = false;
  if (news && post.opens && post.seen_by === state.me && post.card) openFirstForm(post.card, presser(post));
}

/** Another card in a message's place; whoever stood on a button of it stays there. */
function repaint(post) {
  const before = drawn.get(post.id);
  if (!before) return;
  const focused = before.contains(document.activeElement) ? document.activeElement : null;
  const end = nearEnd() && (focused || !standing());
  const after = drawPost(post);
  drawn.set(post.id, after);
  before.replaceWith(after);
  if (end) toEnd();
  if (focused) (sameControl(after, focused) ?? after).focus({ preventScroll: true });
  after.classList.add("fresh");
  // The second half of a double click must not press what has just come to stand there.
  after.dataset.settling = "";
  setTimeout(() => delete after.dataset.settling, SETTLING_MS);
}

function sameControl(element, control) {
  const all = [...element.querySelectorAll("button, select")];
  const { action, value } = control.dataset;
  return (
    all.find((one) => one.dataset.action === action && one.dataset.value === value) ??
    all.find((one) => one.dataset.action === action)
  );
}

function presser(post) {
  return async (action, value, fields) => {
    try {
      await send("press", { person: state.me, surface: post.surface, post: post.id, action, value, fields });
      changed("acted", action);
    } catch (error) {
      toast(error.message);
    }
  };
}

function drawPost(post) {
  const desk = post.author === "desk";
  const author = desk ? { name: "Earnings Desk" } : person(post.author);
  const aside = post.seen_by && post.surface !== "dm";
  const hidden = aside && desk ? h("p", { class: "only-you" }, icon("eye"), "Only visible to you") : null;
  const said = post.card
    ? drawCard(post.card, presser(post))
    : h("p", { class: post.text.startsWith("/") ? "typed" : "said", dir: "auto" }, post.text);
  return h(
    "article",
    {
      class: `post${aside ? " private" : ""}${desk ? " desk" : ""}`,
      tabindex: -1,
      data: { post: post.id },
      "aria-label": `${author?.name ?? "Someone"}, ${hourText(post.at)}`,
    },
    avatar(desk ? null : post.author, author?.name ?? "?", state.people.indexOf(author)),
    h(
      "div",
      { class: "post-body" },
      hidden,
      h(
        "p",
        { class: "post-head" },
        h("strong", { dir: "auto" }, author?.name ?? "Someone"),
        desk ? h("span", { class: "app" }, "APP") : null,
        h("time", { datetime: post.at, title: `${dayText(post.at)} ${hourText(post.at)} UTC` }, hourText(post.at)),
        post.edited ? h("span", { class: "muted" }, "(updated)") : null,
      ),
      said,
      drawFiles(post.files),
    ),
  );
}
