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
  const text = plain(input.value);
  if (!/^[0-9]{5,16}$/.test(text)) { place.textContent = ""; return; }
  const yuan = Number(text);
  const [unit, words] = language === "en" ? [1e6, "million yuan"] : yuan >= 1e8 ? [1e8, "亿元"] : [1e4, "万元"];
  place.textContent = `= ${(yuan / unit).toLocaleString("en-US", { maximumFractionDigits: 4 })} ${words}`;
}

const SHAPES = { whole: /^[0-9]{1,15}$/, decimal: /^[0-9]+([.][0-9]+)?$/, month: /^[0-9]{4}-[0-9]{2}$/ };

// A number as it is sent: full-width digits as plain ones, without commas between groups of three.
function plain(text) {
  const narrow = text.normalize("NFKC").trim();
  return /^[0-9]{1,3}(,[0-9]{3})+([.][0-9]+)?$/.test(narrow) ? narrow.replaceAll(",", "") : narrow;
}

// The text of one input, a number in plain digits.
function textOf(input) {
  return ["whole", "decimal"].includes(input.dataset.kind) ? plain(input.value) : input.value.trim();
}

// What is wrong with an input as it is filled in, in words; nothing where it can be sent.
function wrongOf(input, missing) {
  const text = textOf(input);
  if (text === "" && !input.validity.badInput) return input.required ? missing : "";
  const { kind, pattern, words } = input.dataset;
  const shape = SHAPES[kind] ?? (pattern ? new RegExp(pattern, "u") : null);
  return text === "" || (shape && !shape.test(text)) ? words : "";
}

// The value of one input, or undefined where nothing was given.
function read(input) {
  if (input.dataset.type === "bool") return input.checked ? true : undefined;
  const text = textOf(input);
  if (text === "") return undefined;
  return input.dataset.type === "int" ? Number(text) : text;
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
    const text = wrongOf(input, form.dataset.missing);
    if (text) { wrong.push({ field: input.dataset.path, text }); return; }
    const value = read(input);
    if (value !== undefined) put(body, input.dataset.path, value);
  });
  return [body, wrong];
}

async function send(form) {
  clearFaults(form);
  const [body, wrong] = bodyOf(form);
  if (wrong.length) { showFaults(form, toMend(form, wrong), wrong); return; }
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
    await answered(form, response, project, body);
  } catch {
    showFaults(form, form.dataset.offline, []);
  } finally {
    button.disabled = false;
    button.textContent = words;
  }
}

function toMend(form, faults) {
  return form.dataset.mend.replace("{n}", faults.length);
}

async function answered(form, response, project, body) {
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
  const mend = problem.code === "INVALID_REQUEST" && faults.length;
  showFaults(form, mend ? toMend(form, faults) : english ? problem.english : problem.message, faults);
  if (problem.code === "ALREADY_RECORDED") linkCorrection(form, project, body);
}

// The form that corrects what is recorded already: the same command about the same month, week or item.
function linkCorrection(form, project, body) {
  const query = new URLSearchParams({ correct: "1" });
  for (const name of ["month", "week", "milestone_id", "approval_id"]) if (body[name]) query.set(name, body[name]);
  const href = `/report/${encodeURIComponent(project)}/${form.dataset.command}?${query}`;
  const link = Object.assign(document.createElement("a"), { href, textContent: form.dataset.correct });
  form.querySelector(".problem").append(" ", link);
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
