// Keeps the empty form for the time without a line, and sends what waits; no page with data is kept.
"use strict";

importScripts(`${told.root}/offline/static/outbox.js`);

const pathOf = (request) => {
  const url = new URL(request.url);
  return url.origin === location.origin ? url.pathname + url.search : "";
};
const languageHere = navigator.language.startsWith("en") ? "en" : "fr";

self.addEventListener("install", (event) => {
  // As nobody: what is kept is what anybody is shown.
  const asked = told.kept.map((path) => new Request(path, { cache: "reload", credentials: "omit" }));
  event.waitUntil(
    caches.open(told.version).then((kept) => kept.addAll(asked)).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const others = async () => {
    for (const name of await caches.keys()) if (name !== told.version) await caches.delete(name);
    await self.clients.claim();
  };
  event.waitUntil(others());
});

const kept = async (request) => {
  const cache = await caches.open(told.version);
  // The answer says that it differs by language and cookie; which one this is stands in its address.
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
};

const throughTheLine = async (event) => {
  try {
    const answer = await fetch(event.request);
    event.waitUntil(outbox.send());
    return answer;
  } catch {
    const page = pathOf(event.request).startsWith(`${told.root}/offline/form`) ? "/form" : "";
    return Response.redirect(`${told.root}/offline${page}?lang=${languageHere}`);
  }
};

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  if (told.kept.includes(pathOf(event.request))) {
    event.respondWith(kept(event.request));
    event.waitUntil(outbox.send());
  } else if (event.request.mode === "navigate") {
    event.respondWith(throughTheLine(event));
  }
});

// Where a browser has it, it wakes us when the line is back, though all our pages are closed.
self.addEventListener("sync", (event) => {
  event.waitUntil(
    outbox.send().then((end) => {
      if (end === "away") throw new Error("not now");
    }),
  );
});
