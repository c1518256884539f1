"use strict";
(() => {
  // Draws the plots in the colours of the page. Without this script the tables below each plot are open and say it all.
  const data = document.querySelector("#figures");
  if (!data || !window.Plotly) return;
  const figures = JSON.parse(data.textContent);
  const options = { displayModeBar: false, responsive: true, doubleClick: "reset", displaylogo: false };

  const coloured = (value) => {
    if (typeof value === "string" && value.startsWith("var(--")) {
      return getComputedStyle(document.documentElement).getPropertyValue(value.slice(4, -1)).trim();
    }
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner)]));
    }
    return value;
  };

  const draw = (figure) => {
    const { data, layout } = coloured({ data: figure.data, layout: figure.layout });
    // What the reader zoomed or switched stays as it is when the colours change.
    layout.uirevision = "kept";
    for (const [name, changes] of Object.entries(figure.switched)) layout[name] = { ...layout[name], ...changes };
    return Plotly.react(figure.place, data, layout, options);
  };

  const whole = (figure, axis) => {
    const range = figure.switched[axis] ? undefined : figure.layout[axis].range;
    return range ? { [`${axis}.range`]: [...range] } : { [`${axis}.autorange`]: true };
  };

  const drawn = figures.filter((figure) => {
    figure.place = document.getElementById(`plot-${figure.name}`);
    figure.switched = {};
    return figure.place;
  });
  const together = drawn.filter((figure) => figure.overTime);
  let following = false;

  for (const figure of drawn) {
    const section = figure.place.closest("section");
    // Before it is drawn, as what is not shown has no size.
    figure.place.classList.add("drawn");
    draw(figure);
    for (const button of section.querySelectorAll("button")) button.hidden = false;
    section.querySelector("button.logarithmic")?.addEventListener("click", ({ currentTarget: button }) => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", on);
      const made = figure.layout[figure.logAxis].type === "log" ? {} : { type: "log", dtick: 1, rangemode: "normal" };
      figure.switched[figure.logAxis] = on
        ? { ...made, autorange: true }
        : { type: "linear", dtick: null, tickvals: null, ticktext: null, tickmode: "auto", rangemode: "tozero", autorange: true };
      draw(figure);
    });
    section.querySelector("button.whole")?.addEventListener("click", () =>
      Plotly.relayout(figure.place, { ...whole(figure, "xaxis"), ...whole(figure, "yaxis") }));
    section.querySelector("button.save")?.addEventListener("click", () =>
      Plotly.downloadImage(figure.place, { format: "svg", filename: `mailspec-${figure.name}`, width: 1100, height: 480 }));
    if (figure.overTime) {
      // A stretch of time that the reader zooms to in one plot is what they want to see in all of them.
      figure.place.on("plotly_relayout", (change) => {
        if (following) return;
        const range = "xaxis.range[0]" in change
          ? { "xaxis.range": [change["xaxis.range[0]"], change["xaxis.range[1]"]] }
          : "xaxis.range" in change ? { "xaxis.range": [...change["xaxis.range"]] } : null;
        if (!range) return;
        following = true;
        Promise.all(together.filter((other) => other !== figure).map((other) => Plotly.relayout(other.place, range)))
          .finally(() => { following = false; });
      });
    }
  }
  for (const table of document.querySelectorAll("section.plot details")) table.open = false;
  for (const medium of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(medium).addEventListener("change", () => drawn.forEach(draw));
  }
})();
