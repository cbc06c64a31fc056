// Keeps the wall fresh: asks for its changing part, and says so when it cannot be had.
"use strict";

const ASK_EVERY_MS = 2000;
const GIVE_UP_MS = 4000;
const STALE_AFTER_S = 5;

let shownAt = performance.now();

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("part");
  if (!fresh) throw new Error("not the wall");
  document.getElementById("part").replaceWith(fresh);
  shownAt = performance.now();
}

// The server says how old its data was; from then on this clock counts, so that no two clocks must agree.
function showAge() {
  const part = document.getElementById("part");
  const ageS = Number(part.dataset.ageS) + (performance.now() - shownAt) / 1000;
  document.getElementById("age-s").textContent = Math.round(ageS);
  document.getElementById("age").className = ageS > STALE_AFTER_S ? "bad" : "good";
  document.querySelector("#age .sign").textContent = ageS > STALE_AFTER_S ? "✖" : "●";
}

async function ask() {
  try {
    const answer = await fetch("/wall", { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (answer.status === 401) location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
    document.getElementById("lost").hidden = true;
    document.body.classList.remove("lost");
  } catch {
    document.getElementById("lost").hidden = false;
    document.body.classList.add("lost");
  }
  setTimeout(ask, ASK_EVERY_MS);
}

setTimeout(ask, ASK_EVERY_MS);
setInterval(showAge, 500);
