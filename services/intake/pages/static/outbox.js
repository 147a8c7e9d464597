// What waits on this device, sealed, and its sending; the pages and the worker share it.
"use strict";

const outbox = (() => {
  const NAME = "siraba";
  const ROOT = "/intake/offline";
  const FORM = { "content-type": "application/x-www-form-urlencoded" };
  // What no second try changes; everything else waits.
  const FINAL = new Set([409, 410, 413, 422]);
  const told = new BroadcastChannel(NAME);

  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  const open = () => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("items", { keyPath: "key" });
      request.result.createObjectStore("lease", { keyPath: "id" });
    };
    return done(request);
  };

  // A promise of what is on the disk when it is kept, so that a browser may die right after.
  const write = async (store, change) => {
    const base = await open();
    try {
      const all = base.transaction(store, "readwrite", { durability: "strict" });
      const kept = new Promise((resolve, reject) => {
        all.oncomplete = resolve;
        all.onabort = () => reject(all.error);
      });
      change(all.objectStore(store));
      await kept;
    } finally {
      base.close();
    }
  };

  const read = async (store, ask) => {
    const base = await open();
    try {
      return await done(ask(base.transaction(store).objectStore(store)));
    } finally {
      base.close();
    }
  };

  const put = async (item) => {
    await write("items", (items) => items.put(item));
    told.postMessage("changed");
  };
  const drop = async (key) => {
    await write("items", (items) => items.delete(key));
    told.postMessage("changed");
  };
  const lease = () => read("lease", (leases) => leases.get("now"));

  // What is past its time goes here as well; the key that could open it is gone by then.
  const items = async () => {
    const all = await read("items", (kept) => kept.getAll());
    for (const item of all) {
      if (item.sealed && Date.now() >= Date.parse(item.ends_at)) {
        delete item.sealed;
        item.state = "over";
        await put(item);
      }
    }
    return all.sort((one, other) => other.at.localeCompare(one.at));
  };

  // Whoever is signed in, what their forms carry, and a key for what is written next.
  const meet = async () => {
    const answer = await fetch(`${ROOT}/leases`, { method: "POST" });
    if (answer.status === 401 || answer.status === 403) return null;
    if (!answer.ok) throw new Error("not now");
    const { form, whose, name, key, ends_at } = await answer.json();
    await write("lease", (leases) => leases.put({ id: "now", whose, name, key, ends_at }));
    return { form, whose };
  };

  const sendOne = async (item, met) => {
    const body = new URLSearchParams({ session_form: met.form, sealed: item.sealed });
    const answer = await fetch(`${ROOT}/cases`, { method: "POST", headers: FORM, body });
    if (answer.status === 202) {
      const { case_number } = await answer.json();
      const { key, at, whose } = item;
      await put({ key, at, whose, state: "sent", number: case_number });
    } else if (FINAL.has(answer.status)) {
      const { code, title, errors = [] } = await answer.json();
      const lacking = errors.map(({ field, rule }) => ({ field, rule }));
      await put({ ...item, state: "refused", code, title, lacking });
    } else {
      throw new Error("not now");
    }
  };

  // "clear" where nothing waits; "away" without a line; "signed-out"; "others" for whose is another's.
  const sendAll = async () => {
    const waiting = (await items()).filter((item) => item.state === "waiting");
    if (waiting.length === 0) return "clear";
    try {
      const met = await meet();
      if (!met) return "signed-out";
      const own = waiting.filter((item) => item.whose === met.whose);
      for (const item of own) await sendOne(item, met);
      return own.length < waiting.length ? "others" : "clear";
    } catch {
      return "away";
    }
  };
  // One at a time, whichever page or worker begins: the key would hold, and this saves the line.
  const send = () => navigator.locks.request(NAME, sendAll);

  return { NAME, ROOT, told, put, drop, items, lease, meet, send };
})();
