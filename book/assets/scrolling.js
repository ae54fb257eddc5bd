/* What is wider than the page scrolls by itself; it can be scrolled by keyboard only if it can have the focus. */

'use strict';

(() => {
  const WIDE = '.bd-article :is(pre, table, div.math, mjx-container[display], .diagram-scroll, .output)';

  const update = () => {
    for (const block of document.querySelectorAll(WIDE)) {
      const scrolls = block.scrollWidth > block.clientWidth + 1 && getComputedStyle(block).overflowX !== 'visible';
      if (scrolls) block.tabIndex = 0;
      else if (block.getAttribute('tabindex') === '0') block.removeAttribute('tabindex');
    }
  };

  let waiting = 0;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(update, 150); };
  window.addEventListener('load', () => {
    const equations = window.MathJax?.startup?.promise ?? Promise.resolve();
    equations.then(update);
    window.addEventListener('resize', later);
    // Code is folded and unfolded, and answers appear.
    document.addEventListener('toggle', later, true);
    document.addEventListener('click', later);
  });
})();
