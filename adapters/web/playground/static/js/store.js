// What the page knows, and who is told when it changes.

const watchers = new Map();

export const state = {
  people: [],
  commands: [],
  posts: new Map(),
  journal: { entries: [], accounts: 0, sum: "$0.00", balanced: true },
  clock: null,
  me: "",
  surface: "dm",
  unread: new Map(),
};

export function watch(what, heard) {
  if (!watchers.has(what)) watchers.set(what, []);
  watchers.get(what).push(heard);
}

export function changed(what, detail) {
  for (const heard of watchers.get(what) ?? []) heard(detail);
}

export const me = () => state.people.find((person) => person.id === state.me);
export const person = (id) => state.people.find((one) => one.id === id);
export const creators = () => state.people.filter((one) => one.creator && !one.approver);
export const admins = () => state.people.filter((one) => one.admin);

/** Whether a post stands in what the current person looks at. */
export const inView = (post) => post.surface === state.surface && (!post.seen_by || post.seen_by === state.me);

const unreadKey = (who, surface) => `${who} ${surface}`;
export const unread = (who, surface) => state.unread.get(unreadKey(who, surface)) ?? 0;

/** Count a new post for everyone who would see it and does not look at it now. */
export function countUnread(post) {
  const readers = post.seen_by ? [post.seen_by] : state.people.map((one) => one.id);
  for (const who of readers) {
    if (who === post.author || (who === state.me && inView(post))) continue;
    const key = unreadKey(who, post.surface);
    state.unread.set(key, (state.unread.get(key) ?? 0) + 1);
  }
}

/** Look at a surface as a person. */
export function show(who, surface) {
  const moved = who !== state.me || surface !== state.surface;
  state.me = who;
  state.surface = surface;
  state.unread.delete(unreadKey(who, surface));
  remember("desk-me", who);
  remember("desk-surface", surface);
  changed("place", { moved });
}

export function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // Without storage a reload starts afresh, no more.
  }
}

export function remembered(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}
