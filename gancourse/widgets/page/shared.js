// Axes, points and dragging for all widgets. Python has drawn the first picture; scripts only change it.

// Turn the picture in which this script stands into the figure. No other element is looked for: a notebook that isn't
// trusted may hold some that look like figures, and what they hold must not get past JupyterLab's sanitiser.
function mount(start) {
  const root = document.currentScript && document.currentScript.closest(".gancourse-widget");
  if (!root || root.dataset.ready) return;
  const panels = root.querySelector(".gw-panels"), copy = document.createElement("template");
  copy.innerHTML = [...panels.querySelectorAll("img")].map(drawing).join("");
  // The images' own colours: on the page those of its theme hold.
  for (const style of copy.content.querySelectorAll("style")) style.remove();
  panels.replaceChildren(copy.content);
  panels.insertAdjacentHTML("afterend", `<div class="gw-controls">${CONTROLS}</div>`);
  root.querySelector(".gw-static").remove();
  root.insertAdjacentHTML("beforeend", '<p class="gw-live" data-part="live" role="status" aria-live="polite"></p>');
  // JupyterLab would take the keys first, unless the focused element itself says no; reveal.js would turn the slide.
  for (const control of root.querySelectorAll("button, input, select, [tabindex]"))
    control.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("keydown", (event) => used(event) && event.stopPropagation());
  keepPointer(root.querySelector(".gw-controls"));
  start(root, STATE);
  root.dataset.ready = "yes";
}

// The SVG inside an image's address.
const drawing = (image) => decodeURIComponent(image.getAttribute("src").replace(/^[^,]*,/, ""));

// What Python named data-part="name".
const part = (root, name) => root.querySelector(`[data-part="${name}"]`);

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const EDGES = ["Home", "End", "PageUp", "PageDown"];
const KEYS = {
  BUTTON: ["Enter", " ", ...ARROWS, "Home", "End"],
  INPUT: [...ARROWS, ...EDGES],
  SELECT: ["Enter", " ", ...ARROWS, ...EDGES],
  g: [...ARROWS, ...EDGES],
};

// Whether the focused control does something with a key. A menu also takes letters, to find an option.
function used(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { tagName } = event.target;
  return (KEYS[tagName] || []).includes(event.key) || (tagName === "SELECT" && event.key.length === 1);
}

// Slides are turned by swipes: what begins on a control is none.
function keepPointer(element) {
  for (const kind of ["pointerdown", "pointermove", "pointerup", "touchstart", "touchmove", "touchend"])
    element.addEventListener(kind, (event) => event.stopPropagation(), { passive: true });
}

// Show the values at once, and let screen readers say them when they have settled.
const SETTLED_MS = 500;
const waiting = new WeakMap();
function report(root, text, aloud = true) {
  part(root, "status").textContent = text;
  clearTimeout(waiting.get(root));
  if (root.dataset.ready && aloud)
    waiting.set(root, setTimeout(() => (part(root, "live").textContent = text), SETTLED_MS));
}

// What a picture shows now, for those who don't see it; Python writes the same of the first one.
const describe = (element, text) => element.closest(".gw-panels > svg").setAttribute("aria-label", text.replaceAll("\n", ", "));

// The number beside a slider.
function showValue(root, name) {
  const { value } = part(root, name);
  part(root, `${name}-value`).textContent = value;
  part(root, name).setAttribute("aria-valuetext", value);
}

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

// Draw a handle at a point of the plane, and say where it is.
function place(handle, axes, [x, y], where) {
  handle.setAttribute("transform", `translate(${tenth(axes.x(x))} ${tenth(axes.y(y))})`);
  handle.setAttribute("aria-valuetext", where);
  handle.setAttribute("aria-valuenow", x.toFixed(2));
}

// Let a point be dragged, or moved by keys: arrows a step (with Shift ten), Page Up and Down ten steps upwards or
// downwards, Home and End to the left and the right edge.
function draggable(handle, axes, step, where, move) {
  const [x0, x1, y0, y1] = axes.limits;
  const go = (x, y) => move(clamp(x, x0, x1), clamp(y, y0, y1));
  let offset = null;
  keepPointer(handle);
  // Chromium honours no touch-action on a part of an SVG: only this keeps a finger on the handle from scrolling.
  handle.addEventListener("touchstart", (event) => event.touches.length === 1 && event.preventDefault(), { passive: false });
  handle.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    const [x, y] = axes.at(event), [a, b] = where();
    offset = [a - x, b - y];
    handle.setPointerCapture(event.pointerId);
    handle.focus({ preventScroll: true });
    event.preventDefault();
  });
  handle.addEventListener("pointermove", (event) => {
    if (offset === null || !event.isPrimary) return;
    const [x, y] = axes.at(event);
    go(x + offset[0], y + offset[1]);
  });
  for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => (offset = null));
  handle.addEventListener("keydown", (event) => {
    if (!used(event)) return;
    const way = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
      PageUp: [0, 10], PageDown: [0, -10], Home: [-Infinity, 0], End: [Infinity, 0],
    }[event.key];
    const far = step * (event.shiftKey ? 10 : 1), [a, b] = where();
    // Rounded to the step's grid, so that going there and back ends where it began.
    go(Math.round((a + far * way[0]) / step) * step, Math.round((b + far * way[1]) / step) * step);
    event.preventDefault();
  });
}

// Redraw once per picture of the screen, however many events arrive.
function lazily(draw) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      draw();
    });
  };
}
