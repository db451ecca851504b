// A button's questions, in a dialog.

import { byId, h } from "./dom.js";

/** Ask what the button's form asks; done(fields) when it is sent. Escape or Cancel: nothing happens. */
export function askForm(button, done) {
  const dialog = byId("form");
  const controls = button.form.map(drawField);
  const form = h(
    "form",
    { novalidate: true },
    h("h2", { id: "form-title" }, button.label.replace(/…$/, "")),
    controls.map((control) => control.row),
    h(
      "div",
      { class: "sheet-actions" },
      h("button", { type: "button", class: "button default", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: `button ${button.style === "danger" ? "danger" : "primary"}` }, button.label.replace(/…$/, "")),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wrong = controls.filter((control) => !control.check());
    if (wrong.length) {
      wrong[0].input.focus();
      return;
    }
    dialog.close();
    done(Object.fromEntries(controls.map((control) => [control.name, control.input.value.trim()])));
  });
  dialog.replaceChildren(form);
  dialog.showModal();
  controls[0]?.input.focus();
}

function drawField(field) {
  const id = `field-${field.name}`;
  const input = drawInput(field, id);
  const limits = limitsText(field);
  const hint = h("p", { class: "field-hint", id: `${id}-hint` }, limits);
  const fault = h("p", { class: "field-fault", id: `${id}-fault`, role: "alert" });
  input.setAttribute("aria-describedby", `${id}-hint ${id}-fault`);
  const check = () => {
    const problem = problemOf(field, input.value.trim());
    fault.textContent = problem;
    if (problem) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    return !problem;
  };
  input.addEventListener("input", () => fault.textContent && check());
  const label = h("label", { for: id }, field.label, field.required ? "" : h("span", { class: "muted" }, " (optional)"));
  return { name: field.name, input, check, row: h("div", { class: "sheet-field" }, label, input, hint, fault) };
}

function drawInput(field, id) {
  const common = { id, name: field.name, required: field.required };
  if (field.kind === "choice") {
    const first = field.value ? [] : [h("option", { value: "" }, "Choose…")];
    const options = (field.options ?? []).map((option) =>
      h("option", { value: option.value, selected: option.value === field.value }, option.label),
    );
    return h("select", common, first, options);
  }
  const text = { ...common, maxlength: field.max_length };
  if (field.kind === "long") {
    const area = h("textarea", { ...text, rows: 3 });
    area.value = field.value ?? "";
    return area;
  }
  return h("input", { ...text, type: "text", inputmode: field.kind === "number" ? "decimal" : null, value: field.value });
}

function limitsText(field) {
  const { min_length: least, max_length: most } = field;
  if (least && most) return `${least} to ${most} characters`;
  if (least) return `At least ${least} characters`;
  return most && most <= 500 ? `Up to ${most} characters` : "";
}

function problemOf(field, value) {
  if (!value) return field.required ? "This is needed." : "";
  if (field.min_length && value.length < field.min_length) {
    return `At least ${field.min_length} characters; there are ${value.length}.`;
  }
  return "";
}
