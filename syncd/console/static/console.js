// Keeps a page live, tells what a deed came to, shows times in the reader's zone, and lets lists be worked by keyboard.
"use strict";

const main = () => document.getElementById("main");
const typed = new WeakSet(); // fields whose text has not been taken
const sent = new WeakMap(); // what they held when it was sent
const fields = (within) => within.querySelectorAll("input, textarea, select");
let asking = false;
let again = false;
let stood = new Date();

// --- live: the page is asked for anew when something changed, and morphed in, so that focus and what is typed stay
Idiomorph.defaults.callbacks.beforeNodeMorphed = (old, next) => {
  if (old.nodeName === "TIME" && old.dateTime === next.dateTime) return false; // it is in the reader's words already
  if (old.type === "checkbox" && old.name) next.toggleAttribute("checked", old.checked && old.value === next.value);
  if (old.nodeName === "DETAILS" && old.open) next.setAttribute("open", "");
  const focused = old === document.activeElement;
  if (typed.has(old)) return !(focused || asking); // what a page's own form brings back is that form's affair
  return !(focused && old.tagName === "SELECT");
};

async function refresh() {
  if (asking) { again = true; return; }
  if (document.hidden || document.querySelector("[data-editing]")) return;
  asking = true;
  try {
    await htmx.ajax("GET", location.pathname + location.search, { source: document.body, target: "#main", swap: "morph:innerHTML" });
  } catch { // no answer, or the reader went on to another page: the banner tells where the first goes on
  } finally {
    asking = false;
    if (again) { again = false; setTimeout(refresh, 300); }
  }
}

function offline(is) {
  const banner = document.getElementById("offline");
  if (!banner) return;
  banner.hidden = !is;
  if (is) document.getElementById("stood").textContent = words(stood);
}

async function reached() {
  try {
    await fetch("/static/icon.svg", { cache: "no-store" });
    offline(false);
    refresh();
  } catch {
    offline(true);
  }
}

if (document.body.hasAttribute("data-live")) {
  let source;
  let failures = 0;
  const listen = () => {
    source = new EventSource("/live");
    source.addEventListener("hello", () => { if (failures) refresh(); failures = 0; offline(false); });
    source.addEventListener("changed", refresh);
    source.addEventListener("error", () => {
      failures += 1;
      reached(); // a stream may be refused where a page is not
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
    });
  };
  listen();
  document.addEventListener("visibilitychange", refresh);
  window.addEventListener("popstate", refresh);
  window.addEventListener("pagehide", () => source.close());
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) stood = new Date();
  else if (event.target !== document.body) { // what was refused can be mended
    for (const one of fields(event.target)) if (one.value !== one.defaultValue) typed.add(one);
  }
  const to = event.detail.xhr && event.detail.xhr.getResponseHeader("x-to");
  if (to) { // what was said is said again there
    if (last && !last.secret) sessionStorage.setItem("said", JSON.stringify(last));
    location.assign(to);
    return;
  }
  if (event.detail.successful && event.detail.requestConfig.verb !== "get") refresh();
});

document.addEventListener("htmx:sendError", (event) => {
  if (event.detail.requestConfig.verb !== "get") say({ bad: true, text: "syncd does not answer. Look again in a moment: it may have been done, or not." });
});

// --- what a deed came to, with the way back
let last = null;
document.addEventListener("said", (event) => say(event.detail));

function say(told) {
  last = { text: told.text, bad: told.bad, secret: told.secret, undo: told.undo }; // htmx puts the form beside them
  const note = document.createElement("div");
  note.className = told.bad ? "note bad" : "note";
  const text = document.createElement("span");
  text.textContent = told.text;
  note.append(text);
  if (told.secret) { // shown this once: it stays until it is closed
    const secret = document.createElement("input");
    secret.readOnly = true;
    secret.value = told.secret;
    secret.className = "secret";
    secret.setAttribute("aria-label", told.text);
    secret.addEventListener("focus", () => secret.select());
    note.append(secret);
  }
  if (told.undo) {
    const back = document.createElement("button");
    back.className = "quiet";
    back.textContent = "Undo";
    back.addEventListener("click", () => {
      htmx.ajax("POST", told.undo.path, { source: document.body, values: told.undo.form, swap: "none" }).catch(() => {});
      note.remove();
    });
    note.append(back);
  }
  const close = document.createElement("button");
  close.className = "quiet";
  close.textContent = "✕";
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", () => note.remove());
  note.append(close);
  const place = document.getElementById("said");
  place.append(note);
  if (told.secret) { note.querySelector(".secret").focus(); return; }
  while (place.children.length > 3) place.firstElementChild.remove();
  const wait = told.bad || told.undo ? 20000 : 6000; // WCAG 2.2.1: what can be acted on stays long enough
  setTimeout(() => { if (!note.contains(document.activeElement)) note.remove(); }, wait);
}
const kept = sessionStorage.getItem("said");
if (kept) {
  sessionStorage.removeItem("said");
  say(JSON.parse(kept));
}

// --- times
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

function words(at) {
  const seconds = (Date.now() - at) / 1000;
  if (seconds < 0) return day.format(at);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return seconds < 86400 && new Date().toDateString() === at.toDateString() ? clock.format(at) : day.format(at);
}

function times() {
  for (const one of document.querySelectorAll("time[datetime]")) {
    const at = new Date(one.getAttribute("datetime"));
    const text = words(at);
    if (one.textContent !== text) one.textContent = text;
    if (!one.title) one.title = exact.format(at);
  }
}

// --- keyboard: arrows or j and k move between the rows of a list; a letter presses the button of the focused row
function rows(from) {
  const list = from.closest("[data-rows]");
  return list ? [...list.querySelectorAll("[data-row]")] : [];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = event.target.closest ? event.target.closest("[data-row]") : null;
  const typing = event.target.matches && event.target.matches("input:not([type=checkbox]):not([type=radio]), textarea, select");
  if (!at || typing || (event.key === "Enter" && event.target !== at)) return; // Enter is for what has the focus
  const all = rows(at);
  const move = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (move) {
    const next = all[all.indexOf(at) + move];
    if (next) { next.focus(); event.preventDefault(); }
    return;
  }
  const button = at.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!button || event.repeat) return;
  event.preventDefault();
  button.click();
});

// --- focus: when the row that has it goes, whoever decided it, the row that takes its place gets it
let place = null;
document.addEventListener("htmx:beforeSwap", () => {
  const row = document.activeElement.closest("[data-rows] [data-row]");
  if (row) place = { list: row.closest("[data-rows]").id, at: rows(row).indexOf(row) };
  else if (document.activeElement !== document.body) place = null; // else the row has just gone, and another answer came
});

function settle() {
  times();
  if (document.activeElement !== document.body) place = null; // it is where the reader has put it
  if (!place) return;
  const list = document.getElementById(place.list);
  const all = list ? [...list.querySelectorAll("[data-row]")] : [];
  (all[Math.min(place.at, all.length - 1)] || main()).focus();
  place = null;
}
document.addEventListener("htmx:afterSettle", settle);

// --- an editor takes nothing while an answer is on its way: it would be about what the reader does not see yet
let held = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  const editor = event.target.closest("[data-editing]");
  if (!editor || event.target.closest("[data-long]")) return; // what takes long is left by whatever is pressed next
  held = { editor, focus: document.activeElement };
  editor.inert = true;
});

function release() {
  if (!held) return;
  const { editor, focus } = held;
  held = null;
  editor.inert = false;
  if (document.activeElement === document.body) focus.focus({ preventScroll: true });
}
document.addEventListener("htmx:beforeOnLoad", release);
document.addEventListener("htmx:afterRequest", release);

// --- a mistake of a map's text: its place is selected
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-line]");
  if (!link) return;
  event.preventDefault();
  const text = document.getElementById("text");
  if (text.hidden) { document.getElementById("tab-text").click(); return; }
  const before = text.value.split("\n").slice(0, Number(link.dataset.line) - 1);
  const at = before.reduce((sum, line) => sum + line.length + 1, 0) + Number(link.dataset.column) - 1;
  text.focus();
  text.setSelectionRange(at, at + 1);
  text.scrollTop = Math.max(0, (before.length - 5) * parseFloat(getComputedStyle(text).lineHeight));
});

// --- small things
document.addEventListener("input", (event) => {
  if (event.target.type !== "checkbox") typed.add(event.target);
  const list = event.target.matches("[data-all]") ? event.target.closest("form, [data-rows], section") : null;
  if (list) for (const one of list.querySelectorAll("input[name=id]")) one.checked = event.target.checked;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target !== document.body) for (const one of fields(event.target)) sent.set(one, one.value);
});
document.addEventListener("htmx:beforeOnLoad", (event) => { // what is on its way may still be refused
  if (event.target === document.body || event.detail.xhr.status >= 400) return;
  for (const one of fields(event.target)) if (one.value === sent.get(one)) typed.delete(one);
});
document.addEventListener("click", (event) => {
  if (event.target.id !== "theme") return;
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const now = dark ? "light" : "dark";
  document.documentElement.dataset.theme = now;
  localStorage.setItem("theme", now);
});
times();
setInterval(times, 20000);
