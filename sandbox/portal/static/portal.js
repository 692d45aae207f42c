// What pages do beyond links and forms. Every page works without it.
"use strict";

// A choice of language or colours is taken at once.
for (const choice of document.querySelectorAll("form.display select")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}

// Buttons that copy: <button class="copy" data-from="ID" hidden>. Shown only where a browser can.
for (const button of document.querySelectorAll("button.copy")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.from).textContent);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// A form that was sent is not sent twice by a second click.
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What was typed into a long form stays in this tab until the form was taken: <form data-keep="NAME">. Not what is
// said in confidence: <input data-private="yes">.
for (const form of document.querySelectorAll("form[data-keep]")) {
  const name = `sandbox-form-${form.dataset.keep}`;
  const fields = () => [...form.elements].filter((field) => field.name && !field.dataset.private && !["hidden", "password", "file", "submit"].includes(field.type));
  let kept = null;
  try { kept = JSON.parse(sessionStorage.getItem(name)); } catch { /* nothing that can be read */ }
  if (kept && !form.dataset.filled) {
    for (const field of fields()) {
      if (!(field.name in kept)) continue;
      if (["checkbox", "radio"].includes(field.type)) field.checked = kept[field.name].includes(field.value);
      else field.value = kept[field.name][0];
    }
  }
  form.addEventListener("input", () => {
    const now = {};
    for (const field of fields()) {
      if (["checkbox", "radio"].includes(field.type)) {
        now[field.name] ??= [];
        if (field.checked) now[field.name].push(field.value);
      } else {
        now[field.name] = [field.value];
      }
    }
    sessionStorage.setItem(name, JSON.stringify(now));
  });
}
for (const done of document.querySelectorAll("[data-forget]")) {
  sessionStorage.removeItem(`sandbox-form-${done.dataset.forget}`);
}
