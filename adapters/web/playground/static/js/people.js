// Who one is, and where one looks.

import { byId, h, icon } from "./dom.js";
import { send } from "./net.js";
import { avatar, PLACES } from "./parts.js";
import { me, show, state, unread, watch } from "./store.js";

export function startPeople(place) {
  for (const what of ["state", "people", "place", "post"]) watch(what, draw);
  watch("place", ({ moved }) => moved && place());
  watch("place", drawHead);
  watch("state", drawHead);
  watch("people", drawHead);
}

function draw() {
  const who = byId("who");
  const focused = document.activeElement?.name === "who" ? document.activeElement.value : null;
  who.replaceChildren(...state.people.map(drawPerson));
  if (focused) who.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
  drawPlaces(byId("channels"), ["earnings", "payout-approvals"]);
  drawPlaces(byId("direct"), ["dm"]);
}

function drawPerson(one) {
  const news = one.id === state.me ? 0 : unread(one.id, "dm");
  return h(
    "label",
    { class: "person" },
    h("input", {
      type: "radio",
      name: "who",
      value: one.id,
      checked: one.id === state.me,
      onchange: () => show(one.id, one.linked || state.surface !== "payout-approvals" ? state.surface : "dm"),
    }),
    avatar(one.id, one.name, state.people.indexOf(one)),
    h("span", { class: "person-text" }, h("strong", { dir: "auto" }, one.name), h("small", {}, one.about)),
    news ? badge(news) : null,
  );
}

function drawPlaces(list, places) {
  const at = [...list.querySelectorAll("button")].findIndex((button) => button === document.activeElement);
  list.replaceChildren(
    ...places.map((surface) => {
      const news = surface === state.surface ? 0 : unread(state.me, surface);
      return h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            "aria-current": surface === state.surface ? "page" : null,
            class: news ? "has-news" : null,
            onclick: () => show(state.me, surface),
          },
          surface === "dm" ? h("img", { src: "/playground/static/icon.svg", alt: "", width: 18, height: 18 }) : icon(PLACES[surface].icon),
          h("span", {}, PLACES[surface].name),
          news ? badge(news) : null,
        ),
      );
    }),
  );
  if (at >= 0) list.querySelectorAll("button")[at].focus();
}

function badge(count) {
  return h("span", { class: "badge" }, String(count), h("span", { class: "unseen" }, " new"));
}

function drawHead() {
  const place = PLACES[state.surface];
  const heading = byId("place-name");
  heading.replaceChildren(
    state.surface === "dm" ? h("img", { src: "/playground/static/icon.svg", alt: "", width: 20, height: 20 }) : icon(place.icon),
    place.name,
  );
  const who = me();
  byId("place-about").textContent = who ? `${place.about} You are ${who.name}.` : place.about;
}

/** What the platform's account page would show to someone who is not linked yet. */
export async function linkCode() {
  return send("link-code");
}
