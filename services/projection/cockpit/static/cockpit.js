"use strict";
// The date slider, sortable tables and the quiet refresh of a wall screen. Without it the pages still work.
document.documentElement.classList.add("scripted");

document.addEventListener("DOMContentLoaded", () => {
  const time = document.querySelector("form.time");
  if (time) bindTime(time);
  document.querySelectorAll("table[data-sortable]").forEach(bindSorting);
  keepLive();
});

function bindTime(form) {
  const slider = form.querySelector("#slider");
  const box = form.querySelector("#on");
  const first = Date.parse(form.dataset.first + "T00:00:00Z");
  const dayAt = (days) => new Date(first + days * 86400000).toISOString().slice(0, 10);
  let waiting = 0;
  slider.addEventListener("input", () => {
    clearTimeout(waiting);
    box.value = dayAt(Number(slider.value));
    slider.setAttribute("aria-valuetext", box.value);
  });
  // An arrow key moves one day at a time: the page waits until the keys rest.
  slider.addEventListener("change", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => form.requestSubmit(), 350);
  });
  box.addEventListener("change", () => { if (box.value && box.checkValidity()) form.requestSubmit(); });
  form.querySelectorAll("input[name=known]").forEach((choice) => {
    choice.addEventListener("change", () => form.requestSubmit());
  });
}

function bindSorting(table) {
  table.querySelectorAll("thead th[data-sort]").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const column = [...head.parentNode.children].indexOf(head);
    button.addEventListener("click", () => sortBy(table, head, column));
  });
}

function sortBy(table, head, column) {
  const numbers = head.dataset.sort === "number";
  const up = head.getAttribute("aria-sort") === (numbers ? "descending" : "ascending") === numbers;
  const direction = up ? 1 : -1;
  const value = (row) => {
    const cell = row.children[column];
    const text = cell.dataset.value ?? cell.textContent.trim();
    return numbers ? (text === "" ? null : Number(text)) : text;
  };
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [value(row), row]);
  const language = document.documentElement.lang;
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (numbers ? a - b : a.localeCompare(b, language));
  });
  body.append(...rows.map(([, row]) => row));
  table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
}

function keepLive() {
  const seconds = Number(document.body.dataset.live || 0);
  if (!seconds) return;
  setInterval(() => {
    const busy = document.activeElement && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (!busy && document.visibilityState === "visible") location.reload();
  }, seconds * 1000);
}
