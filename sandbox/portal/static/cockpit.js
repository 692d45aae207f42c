// A reviewer's page by keys: findings one after another, a comment on the one at hand, the decision. Works without it.
"use strict";

(() => {
  const help = document.getElementById("shortcuts");
  const on = document.getElementById("shortcuts-on");
  const findings = [...document.querySelectorAll("[data-finding]")];
  let at = -1;

  help.hidden = false;
  on.checked = localStorage.getItem("sandbox-shortcuts") !== "off";
  on.addEventListener("change", () => localStorage.setItem("sandbox-shortcuts", on.checked ? "on" : "off"));

  const go = (step) => {
    if (!findings.length) return;
    at = Math.min(Math.max(at + step, 0), findings.length - 1);
    findings[at].focus({ preventScroll: true });
    findings[at].scrollIntoView({ block: "center" });
  };

  const write = (link) => {
    const box = document.getElementById(`write-${link.dataset.write}`);
    box.open = true;
    const column = document.getElementById(`column-${link.dataset.write}`);
    if (column) {
      column.value = link.dataset.column;
      document.getElementById(`row-${link.dataset.write}`).value = link.dataset.row;
    }
    document.getElementById(`text-${link.dataset.write}`).focus();
  };

  const choose = (decision) => document.getElementById(`vote-${decision}`)?.focus();

  for (const finding of findings) finding.addEventListener("focus", () => { at = findings.indexOf(finding); });
  for (const link of document.querySelectorAll("a.about-cell")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      write(link);
    });
  }

  const keys = {
    j: () => go(1),
    k: () => go(-1),
    c: () => {
      const link = findings[at]?.querySelector("a.about-cell");
      if (link) write(link);
    },
    a: () => choose("approve"),
    r: () => choose("return"),
    x: () => choose("reject"),
    "?": () => { help.open = !help.open; },
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("textarea, select, input:not([type=radio], [type=checkbox])");
    if (!on.checked || typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
})();
