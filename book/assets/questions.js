/* Self-test questions and predictions: choose, then see why each answer is right or wrong. No kernel, no network.

   questions.py writes a fieldset with options (radio buttons or boxes) and a list of answers in <details>, which is all
   that a reader without scripts needs. Here each question gets a button and a status; the reasons are copied below their
   options when they are asked for, and the list of answers is left to print. */

'use strict';

(() => {
  /** What to say of a choice: right is an array of booleans, chosen the positions of what was chosen. */
  const verdict = (right, chosen) => {
    const wanted = right.flatMap((is, i) => (is ? [i] : []));
    const hits = chosen.filter((i) => right[i]).length;
    if (hits === wanted.length && chosen.length === hits) return 'Right.';
    const letters = wanted.map((i) => String.fromCharCode(65 + i)).join(' and ');
    const answer = wanted.length === 1 ? `The right answer is ${letters}.` : `The right answers are ${letters}.`;
    if (!hits) return `Not right. ${answer}`;
    const wrong = chosen.length - hits;
    return `Partly right: ${hits} of ${wanted.length}${wrong ? `, and ${wrong} wrong` : ''}. ${answer}`;
  };

  const make = (tag, className, text = '') => Object.assign(document.createElement(tag), { className, textContent: text });

  /** A copy of an answer to stand below its option: without ids, which may occur once. */
  const copyOf = (answer) => {
    const copy = answer.querySelector('.question-reason').cloneNode(true);
    for (const element of copy.querySelectorAll('[id]')) element.removeAttribute('id');
    copy.classList.add('question-copy');
    return copy;
  };

  const uncover = (output) => {
    if (!output) return;
    output.classList.add('uncovered');
    output.querySelector('.question-cover')?.remove();
  };

  const cover = (output, predict) => {
    if (!output) return;
    const panel = make('div', 'question-cover');
    const words = make('p', '', 'This output is covered: predict it first.');
    const back = make('button', 'question-button', 'To the prediction');
    const show = make('button', 'question-button', 'Show it now');
    for (const button of [back, show]) button.type = 'button';
    back.addEventListener('click', () => {
      predict.scrollIntoView({ block: 'center' });
      predict.querySelector('input').focus({ preventScroll: true });
    });
    show.addEventListener('click', () => {
      uncover(output);
      output.tabIndex = -1;
      output.focus({ preventScroll: true });
    });
    panel.append(words, back, show);
    output.append(panel);
  };

  const start = (question) => {
    const options = [...question.querySelectorAll('.question-options > li')];
    const answers = [...question.querySelectorAll('.question-answers > ol > li')];
    const inputs = options.map((option) => option.querySelector('input'));
    const right = options.map((option) => option.dataset.right === 'yes');
    const output = document.getElementById(`${question.id}-output`);
    const row = make('div', 'question-row');
    const button = make('button', 'question-button', 'Check');
    const status = make('span', 'question-status');
    button.type = 'button';
    status.setAttribute('role', 'status');
    row.append(button, status);

    const forget = () => {
      delete question.dataset.marked;
      for (const copy of question.querySelectorAll('.question-copy')) copy.remove();
      for (const option of options) delete option.dataset.chosen;
      for (const input of inputs) { input.disabled = false; input.checked = false; }
      button.textContent = 'Check';
      status.textContent = '';
      inputs[0].focus();
    };

    const mark = (chosen) => {
      question.dataset.marked = 'yes';
      options.forEach((option, i) => {
        option.append(copyOf(answers[i]));
        if (chosen.includes(i)) option.dataset.chosen = 'yes';
      });
      for (const input of inputs) input.disabled = true;
      button.textContent = 'Try again';
      status.textContent = chosen.length ? verdict(right, chosen) : 'Here are the answers.';
      if (output) status.textContent += ' The output below is shown.';
      uncover(output);
    };

    button.addEventListener('click', () => {
      if (question.dataset.marked) { forget(); return; }
      const chosen = inputs.flatMap((input, i) => (input.checked ? [i] : []));
      if (chosen.length) mark(chosen);
      else status.textContent = 'Choose an answer first.';
    });
    for (const input of inputs) input.addEventListener('change', () => { status.textContent = ''; });
    question.querySelector('.question-options').after(row);
    cover(output, question);
  };

  /** A link to something inside a covered output uncovers it. */
  const follow = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const output = target && target.closest('.predicted');
    if (output) { uncover(output); target.scrollIntoView(); }
  };

  const begin = () => {
    document.querySelectorAll('fieldset.question').forEach(start);
    follow();
    window.addEventListener('hashchange', follow);
    // On paper the answers are unfolded, also where a browser's style sheet can't do it.
    window.addEventListener('beforeprint', () => {
      for (const answers of document.querySelectorAll('.question-answers')) answers.open = true;
    });
  };
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', begin);
  else begin();
})();
