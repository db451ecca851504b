// What more than one pane draws: pictures of people, and what each place is.

import { h } from "./dom.js";

export const PLACES = {
  earnings: {
    name: "earnings",
    icon: "hash",
    about: "The daily digest, for everyone. Command replies here are seen by you alone.",
    empty: ["Nothing yet.", "The digest of the day before arrives at 03:00 UTC. Jump the clock to see it."],
  },
  "payout-approvals": {
    name: "payout-approvals",
    icon: "lock",
    about: "Requests to be paid wait here for an approver.",
    empty: ["No requests yet.", "When a creator asks to be paid, a card appears here. Everyone may look in this playground; only approvers may decide."],
  },
  dm: {
    name: "Earnings Desk",
    icon: "eye",
    about: "Your direct messages with the desk.",
    empty: null,
  },
};

const HUES = 8;

/** A round picture with initials; the desk has its own. */
export function avatar(id, name, place = 0) {
  if (id === null) {
    return h("img", { class: "avatar", src: "/playground/static/icon.svg", alt: "", width: 36, height: 36 });
  }
  const words = name.split(/\s+/).filter(Boolean);
  const initials = words.slice(0, 2).map((word) => [...word][0]).join("").toUpperCase() || "?";
  return h("span", { class: "avatar", "aria-hidden": "true", data: { hue: place % HUES } }, initials);
}
