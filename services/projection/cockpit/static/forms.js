"use strict";
// Sends a command's form as JSON. What is wrong is shown at its field; what was recorded is shown by the next page.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("form.command[data-action]").forEach(bindForm);
});

function bindForm(form) {
  form.querySelectorAll("fieldset.rows").forEach(bindRows);
  form.addEventListener("input", (event) => {
    if (event.target.matches("[data-yuan]")) showYuan(event.target, form.dataset.language);
    clearFault(event.target.closest(".field"));
  });
  form.querySelectorAll("[data-yuan]").forEach((input) => showYuan(input, form.dataset.language));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form);
  });
}

function bindRows(box) {
  const list = box.querySelector(".rowlist");
  const blank = box.querySelector("template");
  box.querySelector("[data-add]").addEventListener("click", () => {
    list.append(blank.content.cloneNode(true));
    renumber(box, list);
    list.lastElementChild.querySelector("input, select").focus();
  });
  list.addEventListener("click", (event) => {
    if (!event.target.closest("[data-remove]")) return;
    event.target.closest(".row").remove();
    renumber(box, list);
  });
}

function renumber(box, list) {
  const prefix = box.dataset.rows;
  [...list.children].forEach((row, index) => {
    row.querySelectorAll("[data-path]").forEach((input) => {
      const name = input.dataset.path.split(".").pop();
      input.dataset.path = `${prefix}.${index}.${name}`;
      input.id = `f-${prefix.replaceAll(".", "-")}-${index}-${name}`;
      const field = input.closest(".field");
      field.dataset.field = input.dataset.path;
      field.querySelector("label").htmlFor = input.id;
    });
  });
}

// 32000000 → = 3,200 万元
function showYuan(input, language) {
  const place = input.closest(".field").querySelector(".yuan");
  if (!place) return;
  const text = input.value.trim();
  if (!/^[0-9]{5,16}$/.test(text)) { place.textContent = ""; return; }
  const yuan = Number(text);
  const [unit, words] = language === "en" ? [1e6, "million yuan"] : yuan >= 1e8 ? [1e8, "亿元"] : [1e4, "万元"];
  place.textContent = `= ${(yuan / unit).toLocaleString("en-US", { maximumFractionDigits: 4 })} ${words}`;
}

// The value of one input, or undefined where nothing was given.
function read(input) {
  if (input.dataset.type === "bool") return input.checked ? true : undefined;
  const text = input.value.trim();
  if (text === "") return undefined;
  return input.dataset.type === "int" && /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

// "plan.points.0.by" into { plan: { points: [{ by }] } }
function put(target, path, value) {
  const steps = path.split(".");
  let here = target;
  steps.slice(0, -1).forEach((step, index) => {
    const list = /^[0-9]+$/.test(steps[index + 1]);
    here[step] ??= list ? [] : {};
    here = here[step];
  });
  here[steps.at(-1)] = value;
}

function bodyOf(form) {
  const body = {};
  const wrong = [];
  form.querySelectorAll("[data-path]").forEach((input) => {
    if (input.closest("template")) return;
    const value = read(input);
    if (value === undefined && input.required) wrong.push({ field: input.dataset.path, text: form.dataset.missing });
    else if (value !== undefined) put(body, input.dataset.path, value);
  });
  return [body, wrong];
}

async function send(form) {
  clearFaults(form);
  const [body, missing] = bodyOf(form);
  if (missing.length) { showFaults(form, form.dataset.check, missing); return; }
  const button = form.querySelector("button.main");
  const words = button.textContent;
  button.disabled = true;
  button.textContent = form.dataset.sending;
  try {
    const identity = form.dataset.identity;
    const project = form.dataset.project || body[identity];
    const response = await fetch(form.dataset.action.replace(`{${identity}}`, encodeURIComponent(project)), {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "Idempotency-Key": form.dataset.key },
      body: JSON.stringify(body),
    });
    await answered(form, response, project);
  } catch {
    showFaults(form, form.dataset.offline, []);
  } finally {
    button.disabled = false;
    button.textContent = words;
  }
}

async function answered(form, response, project) {
  if (response.ok) {
    const receipt = await response.json();
    const query = new URLSearchParams({ token: receipt.token, done: form.dataset.command });
    location.assign(`/report/${encodeURIComponent(project)}?${query}`);
    return;
  }
  if (response.status === 401) { showFaults(form, form.dataset.login, []); return; }
  const problem = await response.json();
  const english = form.dataset.language === "en";
  const faults = (problem.violations || []).map((one) => ({
    field: one.field.replaceAll("[", ".").replaceAll("]", ""),
    text: english ? one.english : one.message,
  }));
  showFaults(form, english ? problem.english : problem.message, faults);
}

function showFaults(form, headline, faults) {
  const box = form.querySelector(".problem");
  box.replaceChildren();
  box.append(Object.assign(document.createElement("b"), { textContent: headline }));
  const loose = document.createElement("ul");
  let first = null;
  faults.forEach(({ field, text }) => {
    const place = form.querySelector(`[data-field="${CSS.escape(field)}"]`);
    if (place) {
      const line = place.querySelector(".fault");
      line.textContent = text;
      line.hidden = false;
      place.classList.add("wrong");
      const input = place.querySelector("[data-path]");
      input.setAttribute("aria-invalid", "true");
      first ??= input;
    } else if (text !== headline) {
      loose.append(Object.assign(document.createElement("li"), { textContent: text }));
    }
  });
  if (loose.children.length) box.append(loose);
  box.hidden = false;
  box.scrollIntoView({ block: "center" });
  if (first) first.focus({ preventScroll: true });
}

function clearFaults(form) {
  form.querySelector(".problem").hidden = true;
  form.querySelectorAll(".field.wrong").forEach(clearFault);
}

function clearFault(field) {
  if (!field) return;
  field.classList.remove("wrong");
  const line = field.querySelector(".fault");
  if (line) line.hidden = true;
  field.querySelector("[data-path]")?.removeAttribute("aria-invalid");
}
