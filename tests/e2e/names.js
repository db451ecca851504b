// What a screen reader would stumble over: controls without a name, pictures without words, ids used twice.
() => {
  const wrong = [];
  const seen = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (seen.has(element.id)) wrong.push(`id ${element.id} stands twice`);
    seen.add(element.id);
  }
  for (const image of document.images) if (!image.hasAttribute("alt")) wrong.push(`no alt: ${image.src}`);
  const named = (element) =>
    element.getAttribute("aria-label")?.trim() ||
    (element.getAttribute("aria-labelledby") ?? "").split(" ").some((id) => document.getElementById(id)?.textContent.trim()) ||
    [...(element.labels ?? [])].some((label) => label.textContent.trim()) ||
    element.textContent.trim();
  for (const control of document.querySelectorAll("button, a[href], input, select, textarea, [role=log], nav, aside, dialog[open]")) {
    if (!named(control)) wrong.push(`no name: ${control.outerHTML.slice(0, 120)}`);
  }
  for (const name of ["aria-controls", "aria-describedby", "aria-labelledby", "aria-activedescendant"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      if (element.tagName === "DIALOG" && !element.open) continue;
      for (const id of element.getAttribute(name).split(" ")) {
        if (!document.getElementById(id)) wrong.push(`${name} points nowhere: ${id}`);
      }
    }
  }
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main");
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (!document.documentElement.lang) wrong.push("no language");
  return wrong;
}
