// How much of a file has arrived, while a form with one is sent. Without script the browser shows it in its own way.
"use strict";

for (const form of document.querySelectorAll("form.upload")) {
  const bar = form.querySelector("progress");
  form.addEventListener("htmx:xhr:progress", (event) => {
    if (!event.detail.lengthComputable) return;
    bar.hidden = false;
    bar.value = Math.floor((100 * event.detail.loaded) / event.detail.total);
  });
  form.addEventListener("htmx:afterRequest", () => {
    bar.hidden = true;
    bar.value = 0;
    delete form.dataset.sent; // it may be sent again after a mistake
  });
}
