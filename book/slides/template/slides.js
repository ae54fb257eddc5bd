// Equations first, then reveal.js: it lays the slides out with their final sizes.
MathJax.startup.promise
  .then(() => MathJax.typesetPromise())
  .then(() => {
    // The speaker window gets the notes without MathJax's style sheet, which hides these doubles.
    document.querySelectorAll("aside.notes mjx-assistive-mml").forEach((element) => element.remove());
    Reveal.on("pdf-ready", () => (document.documentElement.dataset.printable = "yes"));
    return Reveal.initialize({
      width: 1280,
      height: 720,
      margin: 0,
      minScale: 0.1,
      maxScale: 4,
      center: false,
      controls: true,
      hash: true,
      navigationMode: "linear",
      pdfSeparateFragments: false,
      plugins: [RevealNotes],
      progress: true,
      slideNumber: "c/t",
      transition: "none",
    });
  })
  .then(() => document.fonts.ready)
  .then(() => {
    document.documentElement.dataset.ready = "yes";
  });
