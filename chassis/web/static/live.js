// Keeps the part of a page that is marked live as the server has it; without a script a reload does.
"use strict";

const live = document.querySelector("[data-live]");
const said = document.querySelector("[data-moment]");
const source = new EventSource(live.dataset.live);
let isAsking = false;

source.addEventListener("counted", async (event) => {
  // Nothing is taken from under somebody who is in it with the keyboard: the next look comes soon.
  if (event.data === live.dataset.tag || isAsking || live.contains(document.activeElement)) return;
  isAsking = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok) {
      source.close();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    live.dataset.tag = fresh.dataset.tag;
    live.replaceChildren(...fresh.childNodes);
    said.textContent = page.querySelector("[data-moment]").textContent;
  } finally {
    isAsking = false;
  }
});
