// Takes the answers of the form without a line, and keeps them sealed from the first one on.
"use strict";

(() => {
  const form = document.getElementById("filling");
  const notice = document.querySelector("[data-closed]");
  const key = sealing.newKey();
  const at = new Date().toISOString();
  let writing = Promise.resolve();
  let isSent = false;

  // As this clock has it, which the person looks at too.
  const today = () => {
    const now = new Date();
    return new Date(now - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  };

  const answers = () => [...new FormData(form)].filter(([, value]) => value.trim() !== "");

  const keep = async (state) => {
    const lease = await outbox.lease();
    if (!lease || Date.now() >= Date.parse(lease.ends_at)) {
      close();
      return false;
    }
    const { whose, ends_at } = lease;
    const sealed = await sealing.seal({ key, whose, answers: answers() }, lease);
    await outbox.put({ key, at, whose, ends_at, sealed, state });
    return true;
  };

  // One after the other, so that no draft is written over what was sent.
  const next = (state) => {
    writing = writing.then(() => keep(state), () => keep(state));
    return writing;
  };

  const close = () => {
    notice.hidden = false;
    form.hidden = true;
  };

  const mark = (group, word) => {
    const fault = document.createElement("p");
    fault.className = "fault";
    fault.textContent = document.getElementById(`word-${word}`).content.textContent.trim();
    group.append(fault);
  };

  // What the form with a line would ask for again, as far as it can be told here.
  const lacking = () => {
    for (const fault of form.querySelectorAll(".fault")) fault.remove();
    const groups = [...form.querySelectorAll("[data-needed]")];
    const open = groups.filter((group) => !group.querySelector(":checked"));
    for (const group of open) mark(group, "needed");
    const agreed = form.querySelector("[data-consent] :checked");
    const who = form.querySelector("[name=authority]");
    if (agreed && !form.querySelector("[name=authority]:checked")) {
      open.push(who.closest("fieldset"));
      mark(who.closest("fieldset"), "needed");
    }
    const { region, cercle } = form.elements;
    if (cercle.value && !cercle.value.startsWith(region.value)) {
      open.push(cercle.parentElement);
      const fault = document.createElement("div");
      cercle.after(fault);
      mark(fault, "place");
    }
    return open;
  };

  form.addEventListener("change", () => isSent || next("draft"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const open = lacking();
    if (open.length) {
      open[0].querySelector("input, select").focus();
      return;
    }
    if (isSent) return;
    isSent = true;
    if (!(await next("waiting"))) {
      isSent = false;
      return;
    }
    await Promise.race([device.wake(), new Promise((over) => setTimeout(over, 1000))]);
    location.replace(form.action);
  });

  const day = form.elements.detected_on;
  day.max = today();
  day.value = today();
  device.begin();
  outbox.meet().catch(() => null).then(async () => {
    const lease = await outbox.lease();
    if (!lease || Date.now() >= Date.parse(lease.ends_at)) close();
    document.documentElement.dataset.open = lease ? "yes" : "no";
  });
})();
