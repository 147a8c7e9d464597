// Shows what waits, was sent or refused and why, and sends as soon as the line is back.
"use strict";

(() => {
  const FIRST = 5_000;
  const LONGEST = 300_000;
  const list = document.querySelector("[data-items]");
  const standing = document.querySelector("[data-standing]");
  let pause = FIRST;
  let timer = 0;
  let met = null;

  const word = (name) => document.getElementById(`word-${name}`)?.content.textContent.trim();
  const moment = (text) => new Date(text).toLocaleString(document.documentElement.lang, {
    dateStyle: "long", timeStyle: "short",
  });

  const line = (kind, text) => {
    const made = document.createElement("p");
    if (kind) made.className = kind;
    made.textContent = text;
    return made;
  };

  const button = (name, act) => {
    const made = document.createElement("button");
    made.className = "plain";
    made.type = "button";
    made.textContent = word(name);
    made.addEventListener("click", act);
    return made;
  };

  const why = ({ code, title, lacking = [] }) => {
    const fields = lacking.map(({ field }) => word(`field-${field}`) ?? field).join("; ");
    return [word(`code-${code}`) ?? title, fields].filter(Boolean).join(" ");
  };

  // The server opens what this device cannot, and shows it in the form with a line.
  const goOn = async (item) => {
    met = await outbox.meet().catch(() => null);
    if (!met) {
      await look();
      return;
    }
    const form = document.querySelector("[data-again]");
    form.elements.session_form.value = met.form;
    form.elements.sealed.value = item.sealed;
    form.submit();
  };

  const card = (item) => {
    const made = document.createElement("li");
    made.className = item.state === "refused" ? "card urgent" : "card";
    made.dataset.state = item.state;
    const badge = line(item.state === "sent" ? "badge good" : "badge", word(item.state));
    made.append(badge, line("", `${word("written")} ${moment(item.at)}`));
    if (item.number) made.append(line("key", item.number));
    if (item.state === "refused") made.append(line("fault", why(item)));
    if (item.sealed) made.append(line("quiet", `${word("until")} ${moment(item.ends_at)}`));
    if (["refused", "draft"].includes(item.state)) made.append(button("go-on", () => goOn(item)));
    if (item.state !== "waiting") made.append(button("drop", () => outbox.drop(item.key).then(show)));
    return made;
  };

  const show = async () => {
    const items = await outbox.items();
    const hasFocus = list.contains(document.activeElement);
    list.replaceChildren(...items.map(card));
    if (hasFocus) document.querySelector("h1").focus();
    document.querySelector("[data-none]").hidden = items.length > 0;
  };

  const look = async () => {
    clearTimeout(timer);
    const end = await outbox.send();
    await show();
    standing.textContent = word(`end-${end}`);
    document.querySelector("[data-login]").hidden = end !== "signed-out";
    document.documentElement.dataset.end = end;
    if (end === "clear" || end === "signed-out") {
      pause = FIRST;
    } else {
      timer = setTimeout(look, pause);
      pause = Math.min(2 * pause, LONGEST);
    }
  };

  outbox.told.addEventListener("message", show);
  addEventListener("online", look);
  device.begin();
  look();
})();
