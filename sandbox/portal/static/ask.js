// The question's editor: colours, completion from the schema, the place of an error. Without it there is a text field.
"use strict";

const form = document.getElementById("question");
if (form && window.CodeMirror) {
  const field = document.getElementById("sql");
  const schema = JSON.parse(form.dataset.schema);
  const functions = ["COUNT(*)", "COUNT(DISTINCT ", "SUM(", "AVG(", "MEDIAN(", "QUANTILE_CONT(", "STDDEV(", "VAR_SAMP(", "CORR(", "HISTOGRAM("];
  const keywords = ["SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "JOIN", "USING", "CASE WHEN", "BETWEEN", "IN ("];

  const told = (table, column) => {
    for (const item of document.querySelectorAll(".schema li")) {
      if (item.dataset.table === table && item.dataset.column === column) return item.querySelector(".hint").textContent.trim().replace(/\s+/g, " ");
    }
    return "";
  };
  const names = [];
  for (const [table, columns] of Object.entries(schema)) {
    names.push({ text: table, told: "" });
    for (const column of columns) {
      if (!names.some((known) => known.text === column)) names.push({ text: column, told: told(table, column) });
    }
  }
  const draw = (element, list, item) => {
    const name = document.createElement("strong");
    name.textContent = item.text;
    element.append(name, item.told ? ` ${item.told}` : "");
  };
  const suggest = (editor) => {
    const cursor = editor.getCursor();
    const line = editor.getLine(cursor.line);
    let start = cursor.ch;
    while (start && /\w/.test(line[start - 1])) start -= 1;
    const typed = line.slice(start, cursor.ch).toLowerCase();
    const fits = (text) => text.toLowerCase().startsWith(typed);
    const list = names.filter((one) => fits(one.text)).map((one) => ({ ...one, render: draw }));
    const more = [...functions, ...keywords].filter(fits).map((text) => ({ text, told: "", render: draw }));
    const found = { list: [...list, ...more], from: CodeMirror.Pos(cursor.line, start), to: cursor };
    CodeMirror.on(found, "shown", () => {
      document.querySelector(".CodeMirror-hints").setAttribute("aria-label", form.dataset.completing);
    });
    return found;
  };

  const complete = (it) => it.showHint({ hint: suggest, completeSingle: false, container: document.querySelector("main") });

  const editor = CodeMirror.fromTextArea(field, {
    mode: "text/x-sql",
    lineWrapping: true,
    matchBrackets: true,
    placeholder: field.placeholder,
    screenReaderLabel: document.querySelector('label[for="sql"]').textContent,
    extraKeys: {
      "Ctrl-Space": (it) => complete(it),
      "Ctrl-Enter": () => form.requestSubmit(),
      "Cmd-Enter": () => form.requestSubmit(),
      Tab: false, // the keyboard leads out of it
      "Shift-Tab": false,
    },
  });
  for (const hint of document.querySelectorAll(".with-script")) hint.hidden = false;
  document.querySelector('label[for="sql"]').addEventListener("click", () => editor.focus());
  editor.on("change", () => {
    editor.save();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  editor.on("inputRead", (it, change) => {
    if (it.state.completionActive || !/^\w$/.test(change.text[0])) return;
    const found = suggest(it);
    const typed = it.getRange(found.from, found.to).toLowerCase();
    const other = names.some((one) => one.text.toLowerCase().startsWith(typed) && one.text.toLowerCase() !== typed);
    if (typed.length > 1 && other) complete(it);
  });

  let marked = null;
  const mark = () => {
    if (marked) marked.clear();
    marked = null;
    const refused = document.querySelector("#estimate [data-position]");
    if (!refused) return;
    const text = editor.getValue();
    let at = Number(refused.dataset.position);
    if (at >= text.trimEnd().length) at = Math.max(0, text.trimEnd().search(/\S+$/));
    const word = text.slice(at).match(/^\s*(\w+|\S)/);
    const end = at + (word ? word[0].length : 1);
    marked = editor.markText(editor.posFromIndex(at), editor.posFromIndex(end), { className: "wrong" });
  };
  mark();
  document.body.addEventListener("htmx:afterSwap", mark);
  const lost = document.getElementById("estimate-lost");
  document.body.addEventListener("htmx:beforeRequest", () => { lost.hidden = true; });
  for (const trouble of ["htmx:responseError", "htmx:sendError"]) {
    document.body.addEventListener(trouble, () => { lost.hidden = false; });
  }

  // An example is put into the field, and does not replace the page.
  for (const example of document.querySelectorAll("a.starter")) {
    example.addEventListener("click", (event) => {
      event.preventDefault();
      editor.setValue(example.parentElement.querySelector("code").textContent);
      editor.focus();
      form.scrollIntoView({ block: "nearest" });
    });
  }
}
