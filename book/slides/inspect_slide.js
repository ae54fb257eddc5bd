// Runs in the page, as the body of a function: what is wrong with the slide in view, in slide coordinates
// (reveal.js scales the slide to the window).
const slide = Reveal.getCurrentSlide(), frame = slide.querySelector(".frame"), scale = Reveal.getScale();
const origin = frame.getBoundingClientRect(), floor = 720 - 36, found = [];
const name = (node) => (node.innerText || node.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40) || node.tagName;
const shown = (node) => !node.closest("aside, mjx-assistive-mml, script, style, option");
const box = (rect) => ({
  left: (rect.left - origin.left) / scale, right: (rect.right - origin.left) / scale,
  top: (rect.top - origin.top) / scale, bottom: (rect.bottom - origin.top) / scale });
const overflows = new Map(); // one finding for an element and all it lies in that show the same text
const fit = (rect, bottom, what) => {
  const b = box(rect), over = Math.ceil(Math.max(-b.left, -b.top, b.right - 1280, b.bottom - bottom) - 1);
  if (rect.width && rect.height && over > 0) overflows.set(what, Math.max(over, overflows.get(what) || 0));
};
if (Math.abs(origin.width / scale - 1280) > 1 || Math.abs(origin.height / scale - 720) > 1) found.push("the frame is not 1280 x 720");
for (const element of frame.querySelectorAll("*")) {
  if (!shown(element) || element.parentElement.closest("svg")) continue;
  fit(element.getBoundingClientRect(), element.closest(".footer") ? 720 : floor, name(element));
}
const texts = document.createTreeWalker(frame, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const node = texts.currentNode, parent = node.parentElement;
  if (!node.data.trim() || !shown(parent) || parent.closest("svg")) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const rect of range.getClientRects()) fit(rect, parent.closest(".footer") ? 720 : floor, name(node));
  if (!parent.closest("pre, code") && /\$|\\\(|\\\[|\\begin\{/.test(node.data)) found.push(`equation not rendered: ${name(node)}`);
  if (!parent.closest("pre, code") && /\{[\w:-]+\}$|^:::|\x00/.test(node.data.trim())) found.push(`directive or role shows as text: ${name(node)}`);
}
for (const [what, over] of overflows) found.push(`overflows by ${over} px: ${what}`);
for (const error of slide.querySelectorAll('[data-mml-node="merror"], mjx-merror, merror'))
  if (!error.closest("mjx-assistive-mml"))
    found.push(`equation is wrong: ${error.getAttribute("data-mjx-error") || name(error)}${error.closest("aside") ? " (in the notes)" : ""}`);
for (const image of frame.querySelectorAll("img")) {
  if (!shown(image)) continue;
  if (!image.alt || image.alt.startsWith("No description")) found.push("picture without alternative text");
  if (!image.naturalWidth) { found.push(`picture doesn't load: ${image.src.slice(0, 60)}`); continue; }
  const width = Math.min(image.clientWidth, (image.clientHeight * image.naturalWidth) / image.naturalHeight);
  const height = (width * image.naturalHeight) / image.naturalWidth;
  if (image.closest(".picture") && !image.closest(".title") && (width < 320 || (height < 200 && width < 900)))
    found.push(`figure too small to read (${Math.round(width)} x ${Math.round(height)} px): shorten the text, or give it slide_type "slide"`);
}
if (!frame.innerText.trim() && !frame.querySelector("img, svg")) found.push("the slide is empty");
return [...new Set(found)];
