// Equations first, then reveal.js: it lays the slides out with their final sizes.
const query = new URLSearchParams(location.search);
const STORE = "gancourse-slides-theme";
const stored = (value) => {
  try {
    if (value !== undefined) localStorage.setItem(STORE, value);
    return localStorage.getItem(STORE);
  } catch {
    return null; // a browser that keeps nothing for files
  }
};
// What the address says, else what T chose before, else what the system prefers; paper and the speaker's view are light.
const isLight = query.has("receiver") || query.has("print-pdf") || query.has("handout");
const preferred = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
const theme = query.get("theme") || (isLight ? "light" : stored() || preferred());
document.documentElement.dataset.theme = theme === "dark" ? "dark" : "light";

function turnTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  stored(next);
}

MathJax.startup.promise
  .then(() => MathJax.typesetPromise())
  .then(() => document.fonts.ready)
  .then(() => {
    // The speaker window gets the notes without MathJax's style sheet, which hides these doubles.
    document.querySelectorAll("aside.notes mjx-assistive-mml").forEach((element) => element.remove());
    if (query.has("handout")) return makeHandout();
    if (!query.has("print-pdf")) printOnRequest();
    Reveal.on("pdf-ready", () => {
      fitWidgets();
      document.documentElement.dataset.printable = "yes";
    });
    Reveal.on("slidechanged", ({ previousSlide }) => {
      // Keys belong to a figure while it has the focus; on the next slide they turn pages again.
      if (previousSlide && previousSlide.contains(document.activeElement)) document.activeElement.blur();
      fitWidgets();
    });
    return Reveal.initialize({
      width: 1280,
      height: 720,
      margin: 0,
      minScale: 0.1,
      maxScale: 4,
      center: false,
      controls: true,
      controlsTutorial: false,
      defaultTiming: document.querySelector("section[data-timing]") ? 0 : null,
      hash: true,
      navigationMode: "linear",
      pdfSeparateFragments: false,
      plugins: [RevealNotes],
      progress: true,
      slideNumber: false,
      touch: true,
      transition: "none",
    }).then(() => {
      guardWidgets();
      fitWidgets();
      Reveal.addKeyBinding({ keyCode: 84, key: "T", description: "Light or dark" }, turnTheme);
    });
  })
  .then(() => {
    document.documentElement.dataset.ready = "yes";
    if (!query.has("now")) return;
    const ready = setInterval(() => {
      if (document.documentElement.dataset.printable !== "yes") return;
      clearInterval(ready);
      print();
    }, 100);
  });
