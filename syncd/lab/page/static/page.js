// Keeps the page live: once a second it is drawn anew and morphed in, so that focus, scroll and what is being typed stay.
"use strict";

const EVERY = 1000;
const typed = new WeakSet(); // fields whose text has not been sent yet
let asking = false;
let asked = ""; // the address that the last drawing was asked for
let failures = 0;

Idiomorph.defaults.callbacks.beforeNodeMorphed = (old) => {
  if (old !== document.activeElement) return true;
  return !(typed.has(old) || old.tagName === "SELECT");
};

async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  asked = location.href;
  try {
    await htmx.ajax("GET", location.pathname + location.search, {
      source: document.body, target: "#page", swap: "morph:innerHTML",
    });
  } finally {
    asking = false;
  }
}

function offline(count) {
  failures = count;
  document.getElementById("offline").hidden = failures < 2;
}

document.addEventListener("htmx:afterRequest", (event) => offline(event.detail.successful ? 0 : failures + 1));
document.addEventListener("htmx:beforeSwap", (event) => {
  const elsewhere = event.detail.requestConfig.elt === document.body && location.href !== asked;
  if (elsewhere) event.detail.shouldSwap = false; // drawn for a search or person that was left meanwhile
});
document.addEventListener("input", (event) => typed.add(event.target));
document.addEventListener("change", (event) => typed.delete(event.target));
document.addEventListener("focusout", (event) => typed.delete(event.target));
document.addEventListener("submit", (event) => {
  if (event.target.matches("[data-cell]")) event.preventDefault(); // the change was sent already
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !event.target.closest("[data-cell]")) return;
  event.target.value = event.target.defaultValue ?? event.target.value;
  typed.delete(event.target);
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("#page a[hx-get]") || innerWidth > 760) return;
  document.addEventListener("htmx:afterSettle", () => document.getElementById("card").scrollIntoView(), { once: true });
});
window.addEventListener("popstate", refresh);
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, EVERY);
