// Makes the pages an app on this device, and leaves or empties it by one tap.
"use strict";

const device = (() => {
  const NEUTRAL = "about:blank";
  const WORKER = "/worker.js";

  const begin = async () => {
    await navigator.serviceWorker.register(WORKER, { scope: "/" });
    const ready = await navigator.serviceWorker.ready;
    document.documentElement.dataset.kept = "yes";
    return ready;
  };

  const wake = async () => {
    const ready = await navigator.serviceWorker.ready;
    // Where a browser has none of this, the open page and the next visit send.
    await ready.sync?.register(outbox.NAME).catch(() => {});
  };

  const forget = () => {
    for (const form of document.forms) form.reset();
    document.body.replaceChildren();
  };

  // Nothing of the page stays, nor does the way back to it or to another of these pages.
  const leave = () => {
    forget();
    sessionStorage.setItem("left", "yes");
    location.replace(NEUTRAL);
  };
  const goesBack = () => performance.getEntriesByType("navigation")[0].type === "back_forward";

  const emptied = (name) => new Promise((resolve) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = request.onerror = resolve;
  });

  const signOut = async () => {
    const met = await outbox.meet();
    if (!met) return;
    const body = new URLSearchParams({ session_form: met.form });
    await fetch("/leave", { method: "POST", body, redirect: "manual" });
  };

  const wipe = async () => {
    forget();
    for (const one of await navigator.serviceWorker.getRegistrations()) await one.unregister();
    await emptied(outbox.NAME);
    for (const name of await caches.keys()) await caches.delete(name);
    // With a line the session ends too; its answer empties what the browser keeps by itself.
    await Promise.race([signOut().catch(() => {}), new Promise((over) => setTimeout(over, 3000))]);
    await emptied(outbox.NAME);
    location.replace(NEUTRAL);
  };

  document.querySelector("[data-leave]").addEventListener("click", leave);
  document.querySelector("[data-wipe]").addEventListener("click", wipe);
  addEventListener("pageshow", () => {
    if (!sessionStorage.getItem("left")) return;
    if (goesBack()) leave();
    else sessionStorage.removeItem("left");
  });
  return { begin, wake };
})();
