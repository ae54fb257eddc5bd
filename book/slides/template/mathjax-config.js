// Errors must be seen (merror), so that the browser test finds them: no package that paints over them.
window.MathJax = {
  tex: {
    inlineMath: [["$", "$"], ["\\(", "\\)"]],
    displayMath: [["$$", "$$"], ["\\[", "\\]"]],
    packages: { "[-]": ["noundefined", "noerrors"] },
    processEscapes: true,
  },
  svg: { fontCache: "none" },
  options: { enableMenu: false, skipHtmlTags: ["script", "noscript", "style", "textarea", "pre", "code"] },
  startup: { typeset: false },
};
