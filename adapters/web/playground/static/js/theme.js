// Before the first paint: the chosen appearance, or the system's.
"use strict";
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("desk-theme");
  } catch {
    // Storage may be off; the system's appearance then.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
