// Runs in the page, as the body of a function: measures of the slide in view, all its steps shown, in slide coordinates.
const slide = Reveal.getCurrentSlide(), frame = slide.querySelector(".frame"), scale = Reveal.getScale();
const origin = frame.getBoundingClientRect();
const shown = (node) => !node.closest("aside, mjx-assistive-mml, script, style, title, desc, option") && node.getClientRects().length > 0;
const box = (rect) => [rect.left, rect.top, rect.right, rect.bottom].map((v, i) => (v - (i % 2 ? origin.top : origin.left)) / scale);

// Type: the size of every text, that in diagrams and figures included; of a picture, that of 10-point type in it.
let type = Infinity, smallest = "";
const note = (size, what) => {
  if (size < type) [type, smallest] = [size, what.trim().replace(/\s+/g, " ").slice(0, 40)];
};
const areas = [];
const texts = document.createTreeWalker(frame, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const node = texts.currentNode, parent = node.parentElement;
  if (!node.data.trim() || !shown(parent)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  if (!parent.closest("footer, mjx-container")) areas.push(...[...range.getClientRects()].map(box));
  if (parent.closest("sub, sup, mjx-container")) continue;
  let size = parseFloat(getComputedStyle(parent).fontSize);
  if (parent.closest("svg")) {
    const matrix = parent.getScreenCTM();
    size *= Math.hypot(matrix.a, matrix.b) / scale;
  }
  note(size, node.data);
}
for (const field of frame.querySelectorAll("select, button, input")) if (shown(field)) areas.push(box(field.getBoundingClientRect()));
for (const image of frame.querySelectorAll("img")) {
  if (!shown(image) || !image.naturalWidth) continue;
  const factor = Math.min(image.clientWidth / image.naturalWidth, image.clientHeight / image.naturalHeight);
  const [l, t, r, b] = box(image.getBoundingClientRect());
  const w = factor * image.naturalWidth, h = factor * image.naturalHeight;
  areas.push([(l + r - w) / 2, (t + b - h) / 2, (l + r + w) / 2, (t + b + h) / 2]);
  if (image.dataset.ppi && shown(image)) note((10 / 72) * image.dataset.ppi * factor, `10-point type of a figure: ${image.alt}`);
}
for (const svg of frame.querySelectorAll(".picture > svg, .gw-panels > svg, mjx-container > svg")) {
  if (!shown(svg)) continue;
  const view = svg.viewBox.baseVal, [l, t, r, b] = box(svg.getBoundingClientRect());
  const factor = Math.min((r - l) / view.width, (b - t) / view.height), w = factor * view.width, h = factor * view.height;
  areas.push([(l + r - w) / 2, (t + b - h) / 2, (l + r + w) / 2, (t + b + h) / 2]);
}
for (const block of frame.querySelectorAll("pre, table, .poll li")) if (shown(block)) areas.push(box(block.getBoundingClientRect()));

// Area: cells of 32 px between the margins on which nothing lies.
let cells = 0, empty = 0;
for (let x = 64; x + 32 <= 1216; x += 32)
  for (let y = 44; y + 32 <= 660; y += 32, cells++)
    if (!areas.some(([l, t, r, b]) => l < x + 32 && r > x && t < y + 32 && b > y)) empty++;

// Words outside of code.
const words = frame.cloneNode(true);
for (const node of words.querySelectorAll("aside, code, .source, .text pre, .highlight, script, style, mjx-container, dl, footer, option")) node.remove();
const printouts = [...frame.querySelectorAll(".jp-OutputArea pre")].length;
const unexplained = [...frame.querySelectorAll(".picture.output")].filter((picture) => !picture.querySelector("figcaption")).length;
const notes = slide.querySelector("aside.notes")?.cloneNode(true);
if (notes) for (const node of notes.querySelectorAll("mjx-container, script, style")) node.remove();
const spoken = notes?.cloneNode(true);
if (spoken) for (const node of spoken.querySelectorAll("code, pre")) node.remove();
return {
  type: Math.round(type * 10) / 10, smallest, empty: empty / cells, printouts, unexplained,
  evidence: frame.querySelectorAll(".picture, table, mjx-container[display='true'], .poll, .gancourse-widget, .source, .text pre").length,
  source: Math.max(0, ...[...frame.querySelectorAll(".source pre, .text pre")].map((pre) => pre.textContent.trimEnd().split("\n").length)),
  text: words.textContent, notes: notes ? notes.textContent : "", spoken: spoken ? spoken.textContent : "",
  poll: Boolean(frame.querySelector(".poll")), last: frame.classList.contains("end"), first: frame.classList.contains("title"),
};
