// The main job in two minutes: eight steps, ticked off as they happen.

import { byId, h, icon, toast } from "./dom.js";
import { submit } from "./composer.js";
import { admins, creators, remember, remembered, show, state, watch } from "./store.js";

const APPROVALS = "payout-approvals";
const done = new Set(JSON.parse(remembered("desk-tour") ?? "[]"));

const asCreator = (text) => () => {
  const who = creators().find((one) => one.id === state.me) ?? creators()[0];
  if (!who) return;
  show(who.id, "dm");
  submit(text);
};

/** Go to the newest card that has a button of this action, as someone who may press it. */
function toButton(action, who) {
  const posts = [...state.posts.values()].reverse();
  const post = posts.find((one) => hasButton(one, action));
  if (!post) {
    toast("There is no such card yet. Do the steps before this one.");
    return;
  }
  show(post.seen_by || who?.id || state.me, post.surface);
  const button = document.querySelector(`[data-post="${post.id}"] button[data-action="${action}"]`);
  button?.scrollIntoView({ block: "center" });
  button?.focus();
}

export function hasButton(post, action) {
  const blocks = post.card?.blocks ?? [];
  return blocks.some((block) => block.type === "actions" && block.items.some((item) => item.action === action));
}

const STEPS = [
  { id: "balance", label: "Check a balance", act: asCreator("/balance"), typed: /^\/balance\b/ },
  { id: "stats", label: "See the week's chart", act: asCreator("/stats"), typed: /^\/stats\b/ },
  { id: "explain", label: "Ask why this amount", act: asCreator("/explain"), typed: /^\/explain\b/ },
  { id: "withdraw", label: "Ask for $50, and confirm", act: asCreator("/withdraw 50 program=studio"), pressed: "withdraw.confirm" },
  { id: "approve", label: "Let both approvers click", act: () => byId("both").click(), pressed: "payout.approve" },
  { id: "paid", label: "Mark the payout paid", act: () => toButton("payout.paid", admins()[0]), pressed: "payout.paid" },
  { id: "jump", label: "Jump to 03:00 and settle", act: () => byId("jump").click(), pressed: "jump" },
  { id: "digest", label: "Read the digest", act: () => show(state.me, "earnings") },
];

export function startTour() {
  draw();
  watch("post", (post) => {
    for (const step of STEPS) if (step.typed?.test(post.text)) finish(step.id);
    if (post.surface === "earnings" && post.author === "desk" && !post.seen_by && state.surface === "earnings") finish("digest");
  });
  watch("place", () => {
    const digests = [...state.posts.values()].some((post) => post.surface === "earnings" && !post.seen_by);
    if (state.surface === "earnings" && digests && done.has("jump")) finish("digest");
  });
  watch("acted", (action) => {
    for (const step of STEPS) if (step.pressed === action) finish(step.id);
  });
}

function finish(id) {
  if (done.has(id)) return;
  done.add(id);
  remember("desk-tour", JSON.stringify([...done]));
  draw();
}

function draw() {
  const next = STEPS.find((step) => !done.has(step.id));
  byId("tour-count").textContent = next ? `${done.size} of ${STEPS.length}` : "done";
  byId("tour-steps").replaceChildren(
    ...STEPS.map((step) =>
      h(
        "li",
        { class: done.has(step.id) ? "done" : step === next ? "next" : null },
        h(
          "button",
          { type: "button", onclick: step.act },
          h("span", { class: "tick" }, done.has(step.id) ? icon("check") : null),
          h("span", {}, step.label),
          done.has(step.id) ? h("span", { class: "unseen" }, ", done") : null,
        ),
      ),
    ),
  );
}
