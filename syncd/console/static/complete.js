// What may stand where the cursor is in a map's text: the daemon says it, this shows it and writes what is chosen.
// The field stays a plain text field. Tab always leaves it, and Enter takes nothing that was not chosen with the arrows.
"use strict";

(() => {
  const WAIT = 150; // between the last key and the question
  let asking = new AbortController();
  let timer = 0;
  let still = 0; // the line on which the list was sent away
  let active = -1;

  const box = () => document.getElementById("offers");
  const options = () => [...box().querySelectorAll("[role=option]")];
  const field = (event) => (event.target.matches && event.target.matches("textarea[data-offers]") ? event.target : null);
  const tell = (words) => { document.getElementById("offers-told").textContent = words; };
  const opened = () => Boolean(box()) && !box().hidden;

  // Letters are counted as the daemon counts them: one beyond the first 65,536 is two to a browser.
  function standing(text) {
    const lines = text.value.slice(0, text.selectionStart).split("\n");
    return { line: lines.length, column: [...lines.at(-1)].length + 1 };
  }

  function close() {
    clearTimeout(timer);
    asking.abort();
    if (!opened()) return;
    box().hidden = true;
    const text = document.getElementById("text");
    text.removeAttribute("aria-activedescendant");
    tell("");
  }

  async function ask(text, byHand) {
    asking.abort();
    asking = new AbortController();
    const before = `${text.selectionStart} ${text.value}`;
    const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "hx-request": "true" };
    const body = new URLSearchParams({ text: text.value, ...standing(text) });
    try {
      const answer = await fetch(text.dataset.offers, { method: "POST", headers, body, signal: asking.signal });
      const found = answer.ok ? await answer.text() : "";
      if (before !== `${text.selectionStart} ${text.value}` || document.activeElement !== text) return;
      box().innerHTML = found; // the daemon's own page, escaped there
      show(text, byHand);
    } catch { // another question was asked, or nobody answers, which the page tells
    }
  }

  function show(text, byHand) {
    const list = document.getElementById("offers-list");
    if (!list || (!byHand && "whole" in list.dataset)) {
      close();
      if (byHand) tell("syncd knows of nothing that may stand here.");
      return;
    }
    box().hidden = false;
    put(text, Number(list.dataset.start));
    const count = options().length;
    tell(`${count} ${count === 1 ? "offer" : "offers"}. ${document.getElementById("offers-title").textContent}`);
    choose(text, byHand ? 0 : -1);
  }

  function put(text, column) {
    const style = getComputedStyle(text);
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `${style.fontSize} ${style.fontFamily}`;
    const inset = (side) => parseFloat(style[`padding${side}`]) + parseFloat(style[`border${side}Width`]);
    const down = inset("Top") + standing(text).line * parseFloat(style.lineHeight) - text.scrollTop;
    const along = inset("Left") + (column - 1) * pen.measureText("0").width - text.scrollLeft;
    box().style.top = `${text.offsetTop + Math.max(0, Math.min(down, text.clientHeight)) + 2}px`;
    box().style.left = `${text.offsetLeft + Math.max(0, Math.min(along, text.offsetWidth - box().offsetWidth))}px`;
  }

  function choose(text, number) {
    active = number;
    options().forEach((one, at) => one.setAttribute("aria-selected", String(at === active)));
    const chosen = options()[active];
    if (!chosen) { text.removeAttribute("aria-activedescendant"); return; }
    text.setAttribute("aria-activedescendant", chosen.id);
    const list = chosen.parentElement;
    const top = chosen.offsetTop - list.offsetTop;
    list.scrollTop = Math.min(top, Math.max(list.scrollTop, top + chosen.offsetHeight - list.clientHeight));
  }

  function take(text, option) {
    const from = text.value.lastIndexOf("\n", text.selectionStart - 1) + 1;
    const line = [...text.value.slice(from).split("\n", 1)[0]];
    const at = (column) => from + line.slice(0, column - 1).join("").length;
    const { start, end } = option.parentElement.dataset;
    close();
    text.focus();
    text.setSelectionRange(at(Number(start)), at(Number(end)));
    if (document.execCommand("insertText", false, option.dataset.insert)) return; // so that Ctrl+Z takes it back
    text.setRangeText(option.dataset.insert, text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("input", (event) => {
    const text = field(event);
    if (!text) return;
    close();
    const line = text.value.slice(0, text.selectionStart).split("\n").at(-1);
    if (standing(text).line === still || !/[\w.+"'{[<-]$|[:,{[] $/.test(line)) return;
    still = 0;
    timer = setTimeout(() => ask(text, false), WAIT);
  });

  document.addEventListener("keydown", (event) => {
    const text = field(event) || (event.target.id === "offers-list" ? document.getElementById("text") : null);
    if (!text || event.isComposing) return;
    if (event.ctrlKey && event.code === "Space") {
      event.preventDefault();
      still = 0;
      ask(text, true);
      return;
    }
    if (!opened() || event.ctrlKey || event.metaKey || event.altKey) return;
    const count = options().length;
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) choose(text, (Math.max(active, move < 0 ? 0 : -1) + move + count) % count);
    else if (event.key === "Enter" && active >= 0) take(text, options()[active]);
    else if (event.key === "Escape") { still = standing(text).line; close(); text.focus(); }
    else {
      if (/^(Tab|Arrow|Home|End|Page)/.test(event.key)) close();
      return;
    }
    event.preventDefault();
  });

  document.addEventListener("mousedown", (event) => {
    if (event.target.closest("#offers")) event.preventDefault(); // the text keeps the focus
    else close();
  });
  document.addEventListener("click", (event) => {
    const option = event.target.closest("#offers [role=option]");
    if (option) take(document.getElementById("text"), option);
    if (event.target.closest("#offer")) {
      document.getElementById("text").focus();
      ask(document.getElementById("text"), true);
    }
  });
  document.addEventListener("focusout", (event) => {
    if (field(event) && !(event.relatedTarget && event.relatedTarget.closest("#offers"))) close();
  });
})();
