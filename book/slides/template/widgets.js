// Interactive figures and diagrams on slides: their keys and swipes don't turn pages, their type is never under 20 px.
const LEAST_TYPE = 20.5;

function guardWidgets() {
  for (const widget of document.querySelectorAll(".gancourse-widget")) {
    widget.setAttribute("data-prevent-swipe", "");
    widget.addEventListener("gancourse-controls", fitWidgets);
    widget.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") {
        document.activeElement.blur();
        event.stopPropagation();
      } else if (event.key === "PageDown" || event.key === "PageUp") {
        // A presenter's clicker turns pages wherever the focus is.
        event.preventDefault();
        event.stopPropagation();
        document.activeElement.blur();
        event.key === "PageDown" ? Reveal.next() : Reveal.prev();
      } else {
        event.stopPropagation();
      }
    });
  }
}

// Each layout's panels are as large as their room; of the layouts in which all fits, the one with the largest is taken.
const LAYOUTS = ["below", 220, 250, 280, 320, 360];

function fitWidgets() {
  fitDiagrams();
  for (const widget of document.querySelectorAll(".frame .gancourse-widget")) {
    const panels = [...widget.querySelectorAll(".gw-panels > svg")];
    if (!widget.offsetHeight || !panels.length) continue;
    let best = [-Infinity, LAYOUTS[0]];
    for (const layout of LAYOUTS) {
      const factor = tryLayout(widget, panels, layout);
      if (factor > best[0]) best = [factor, layout];
    }
    tryLayout(widget, panels, best[1]);
  }
}

// Lays a figure out; returns how much its panels are enlarged, less what doesn't fit.
function tryLayout(widget, panels, layout) {
  widget.classList.toggle("below", layout === "below");
  widget.style.setProperty("--column", `${layout}px`);
  const row = widget.querySelector(".gw-panels"), gap = 12 * (panels.length - 1);
  for (const panel of panels) [panel.style.width, panel.style.height] = ["0", "0"];
  const sizes = panels.map((panel) => [panel.viewBox.baseVal.width, panel.viewBox.baseVal.height]);
  const wide = sizes.reduce((sum, [width]) => sum + width, 0), high = Math.max(...sizes.map(([, height]) => height));
  const factor = Math.min((row.clientWidth - gap) / wide, row.clientHeight / high);
  panels.forEach((panel, i) => {
    [panel.style.width, panel.style.height] = sizes[i].map((size) => `${size * factor}px`);
    // Labels in the panels are as large as the scale asks for.
    panel.style.fontSize = `${Math.max(13, LEAST_TYPE / factor).toFixed(1)}px`;
  });
  const over = ["gw-controls", "gw-status"].map((name) => widget.querySelector(`.${name}`)).filter(Boolean)
    .reduce((most, part) => Math.max(most, part.offsetTop + part.scrollHeight - widget.offsetTop - widget.clientHeight), 0);
  return factor - Math.max(0, over) / 10;
}

// Text of a diagram that is a little too small for a room is enlarged; what is smaller still is left for the check to find.
const MOST_ENLARGED = 1.15;

function fitDiagrams() {
  const scale = (typeof Reveal.getScale === "function" && Reveal.getScale()) || 1;
  for (const text of document.querySelectorAll(".picture > svg text, .picture > svg tspan")) {
    const matrix = text.getClientRects().length && text.getScreenCTM();
    if (!matrix) continue;
    text.style.fontSize = "";
    const own = parseFloat(getComputedStyle(text).fontSize), shown = (own * Math.hypot(matrix.a, matrix.b)) / scale;
    if (shown < 20 && shown * MOST_ENLARGED >= 20) text.style.fontSize = `${((own * 20.2) / shown).toFixed(2)}px`;
  }
}
