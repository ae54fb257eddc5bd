// Axes, points and dragging for all widgets. Python has drawn the first picture; scripts only change it.

// Start every widget of a kind that is on the page and hasn't started yet.
function mount(kind, start) {
  for (const root of document.querySelectorAll(`.gancourse-widget[data-kind="${kind}"]:not([data-ready])`)) {
    root.dataset.ready = "yes";
    start(root, JSON.parse(root.dataset.state));
    root.querySelector(".gw-controls").hidden = false;
    root.querySelector(".gw-static").hidden = true;
  }
}

// What Python named data-part="name".
const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

// From numbers to places in an SVG and back; Python left [x0, x1, y0, y1, left, top, width, height] there.
function scale(element) {
  const [x0, x1, y0, y1, left, top, width, height] = JSON.parse(element.dataset.axes);
  return {
    x: (value) => left + ((value - x0) / (x1 - x0)) * width,
    y: (value) => top + ((y1 - value) / (y1 - y0)) * height,
    limits: [x0, x1, y0, y1],
    at(event) {
      const svg = element.closest("svg");
      const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
      return [x0 + ((place.x - left) / width) * (x1 - x0), y1 - ((place.y - top) / height) * (y1 - y0)];
    },
  };
}

const tenth = (value) => Math.round(value * 10) / 10;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

// Paths, as gancourse/widgets/drawing.py writes them.
const dots = (places) => places.map(([x, y]) => `M${tenth(x)} ${tenth(y)}h0`).join("");
const crosses = (places) => places.map(([x, y]) => `M${tenth(x - 3)} ${tenth(y - 3)}l6 6m0-6l-6 6`).join("");
const saltire = ([x, y]) => `M${tenth(x - 6)} ${tenth(y - 6)}l12 12m0-12l-12 12`;
const polyline = (places) => places.map(([x, y], i) => `${i ? "L" : "M"}${tenth(x)} ${tenth(y)}`).join("");

// Let a point be dragged, or moved by arrow keys (with Shift: ten times as far).
function draggable(handle, axes, step, where, move) {
  const [x0, x1, y0, y1] = axes.limits;
  const go = (x, y) => move(clamp(x, x0, x1), clamp(y, y0, y1));
  let offset = null;
  handle.addEventListener("pointerdown", (event) => {
    const [x, y] = axes.at(event), [a, b] = where();
    offset = [a - x, b - y];
    handle.setPointerCapture(event.pointerId);
    handle.focus();
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => {
    if (offset === null) return;
    const [x, y] = axes.at(event);
    go(x + offset[0], y + offset[1]);
  });
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (offset = null));
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    const far = step * (event.shiftKey ? 10 : 1), [a, b] = where();
    // Rounded to the step's grid, so that going there and back ends where it began.
    go(Math.round((a + far * way[0]) / step) * step, Math.round((b + far * way[1]) / step) * step);
    event.preventDefault();
    event.stopPropagation();
  });
}

// Redraw once per picture of the screen, however many events arrive.
function lazily(draw) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}
