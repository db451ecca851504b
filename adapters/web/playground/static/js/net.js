// The line to the desk: posts go by fetch, everything that happens comes back over one event stream.

/** POST to the desk; the answer's JSON, or null. Throws an Error whose message can be shown. */
export async function send(path, body = {}, signal = undefined) {
  let response;
  try {
    response = await fetch(`/playground/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Earnings-Desk": "playground" },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The desk didn't answer. Is it still running?");
  }
  const said = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) throw new Error(said?.error ?? `The desk answered ${response.status}.`);
  return said;
}

export async function get(path) {
  const response = await fetch(`/playground/${path}`);
  if (!response.ok) throw new Error(`The desk answered ${response.status}.`);
  return response.json();
}

/** Hear every event as hear(kind, data); lost(true) while the line is cut. The browser reconnects by itself. */
export function listen(kinds, hear, lost) {
  const source = new EventSource("/playground/events");
  for (const kind of kinds) source.addEventListener(kind, (event) => hear(kind, JSON.parse(event.data)));
  source.onopen = () => lost(false);
  source.onerror = () => {
    lost(true);
    // A browser gives up for good when the server answers, but not with a stream (as while it starts).
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(kinds, hear, lost), 1500);
  };
  addEventListener("pagehide", () => source.close(), { once: true });
}
