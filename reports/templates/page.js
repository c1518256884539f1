"use strict";
(() => {
  // Without this script the page is whole: it only narrows the list of checks, and unfolds everything for the printer.
  const filter = document.querySelector(".filter");
  const words = document.querySelector("#filter-words");
  const states = [...document.querySelectorAll(".filter input[type=checkbox]")];
  const shown = document.querySelector("#filter-shown");
  const suites = [...document.querySelectorAll("details.suite")];
  const narrow = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const allowed = new Set(states.filter((box) => box.checked).map((box) => box.value));
    const narrowed = wanted.length > 0 || allowed.size < states.length;
    let visible = 0, all = 0;
    for (const suite of suites) {
      let here = 0;
      for (const item of suite.querySelectorAll("li")) {
        const text = item.textContent.toLowerCase();
        item.hidden = !(allowed.has(item.className) && wanted.every((word) => text.includes(word)));
        all += 1;
        here += item.hidden ? 0 : 1;
      }
      suite.hidden = here === 0;
      suite.open = narrowed && here > 0;
      visible += here;
    }
    shown.textContent = `${visible} of ${all} checks shown`;
  };
  if (filter) {
    filter.hidden = false;
    filter.addEventListener("input", narrow);
  }
  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details:not([open])")];
    for (const part of unfolded) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of unfolded) part.open = false;
  });
})();
