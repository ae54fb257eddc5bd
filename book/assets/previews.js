/* A link to an equation, a figure, a theorem or a source shows it beside the link, while the pointer rests on either or
   the link has the focus of the keyboard. Escape closes it. Nothing is fetched: what lies on another page has no preview,
   but a source is written out in its link's title. */

'use strict';

(() => {
  const DELAY_MS = 350;
  const LINGER_MS = 250;
  const GAP_PX = 8;
  const TARGETS = 'div.math, figure, .proof, .exercise, .solution, table, .admonition, .diagram';

  let panel = null;
  let owner = null;
  let timer = 0;

  const close = () => {
    clearTimeout(timer);
    if (!panel) return;
    panel.remove();
    if (owner.dataset.title) owner.title = owner.dataset.title;
    delete owner.dataset.title;
    owner.removeAttribute('aria-describedby');
    panel = owner = null;
  };

  /** What a link leads to on this page, as far as it is worth showing. */
  const targetOf = (link) => {
    const [path, name] = (link.getAttribute('href') ?? '').split('#');
    if (path || !name) return null;
    const element = document.getElementById(decodeURIComponent(name));
    const block = element?.closest(TARGETS);
    if (!block || block.contains(link)) return null;
    // What a prediction covers isn't given away.
    return block.closest('.scripted .predicted:not(.uncovered)') ? null : block;
  };

  const contentOf = (link) => {
    const target = targetOf(link);
    if (target) {
      const copy = target.cloneNode(true);
      for (const element of [copy, ...copy.querySelectorAll('[id]')]) element.removeAttribute('id');
      for (const extra of copy.querySelectorAll('.headerlink, script, button')) extra.remove();
      return copy;
    }
    const words = link.closest('.bd-article')?.contains(link) && link.title;
    if (!words || !link.href.includes('#')) return null;
    const text = document.createElement('p');
    text.textContent = words;
    return text;
  };

  const place = (link) => {
    const box = link.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = panel;
    const left = Math.min(Math.max(GAP_PX, box.left), document.documentElement.clientWidth - width - GAP_PX);
    const below = box.bottom + GAP_PX + height < window.innerHeight;
    const top = below ? box.bottom + GAP_PX : Math.max(GAP_PX, box.top - height - GAP_PX);
    panel.style.left = `${left + window.scrollX}px`;
    panel.style.top = `${top + window.scrollY}px`;
  };

  const open = (link) => {
    close();
    const content = contentOf(link);
    if (!content) return;
    panel = document.createElement('div');
    panel.className = 'preview bd-article';
    panel.id = 'link-preview';
    panel.setAttribute('role', 'tooltip');
    panel.append(content);
    panel.addEventListener('pointerenter', () => clearTimeout(timer));
    panel.addEventListener('pointerleave', leave);
    owner = link;
    if (link.title) { link.dataset.title = link.title; link.removeAttribute('title'); }
    link.setAttribute('aria-describedby', panel.id);
    document.querySelector('main').append(panel);
    place(link);
  };

  function leave() {
    clearTimeout(timer);
    timer = setTimeout(close, LINGER_MS);
  }

  const soon = (link) => {
    clearTimeout(timer);
    if (link === owner) return;
    timer = setTimeout(() => open(link), DELAY_MS);
  };

  const begin = () => {
    for (const link of document.querySelectorAll('.bd-article a.reference.internal')) {
      link.addEventListener('pointerenter', (event) => { if (event.pointerType === 'mouse') soon(link); });
      link.addEventListener('pointerleave', leave);
      link.addEventListener('focus', () => { if (link.matches(':focus-visible')) soon(link); });
      link.addEventListener('blur', close);
      link.addEventListener('click', close);
    }
    document.addEventListener('keydown', (event) => { if (event.key === 'Escape') close(); });
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin);
  else begin();
})();
