// A page for each slide, its notes below; long notes are set smaller, so that there is one page a slide.
function makeHandout() {
  const root = document.documentElement, sheets = [];
  root.classList.add("handout");
  for (const frame of document.querySelectorAll(".slides .frame")) {
    const sheet = document.createElement("div"), small = document.createElement("div");
    const notes = frame.querySelector("aside.notes");
    sheet.className = "sheet";
    small.className = "small";
    if (notes) notes.remove();
    small.append(frame);
    sheet.append(small);
    if (notes) {
      const text = document.createElement("div");
      text.className = "notes";
      text.append(...notes.childNodes);
      sheet.append(text);
    }
    sheets.push(sheet);
  }
  // Beside .reveal, whose style sheet would print the slides as running text.
  document.body.replaceChildren(...sheets);
  for (const sheet of sheets) {
    const notes = sheet.querySelector(".notes");
    for (let size = 16; notes && size > 6 && sheet.scrollHeight > sheet.clientHeight; size -= 0.5)
      notes.style.fontSize = `${size}px`;
  }
  const page = document.createElement("style");
  page.textContent = "@page { size: A4 portrait; margin: 0 } html, body { width: auto; height: auto; overflow: visible; margin: 0 }";
  document.head.append(page);
  fitWidgets();
  root.dataset.printable = "yes";
}

// Printing from the browser: the slides, a page each; with Shift the handout.
function printOnRequest() {
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "p") return;
    event.preventDefault();
    location.search = event.shiftKey ? "?handout&now" : "?print-pdf&now";
  });
}
