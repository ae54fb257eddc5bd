// A recorded training: slider, play button, arrow keys.
mount((root, state) => {
  const axes = scale(part(root, "plane"));
  const cloud = part(root, "generated"), slider = part(root, "slider"), button = part(root, "play");
  const pictures = [...root.querySelectorAll(".gw-panels > svg")].map((svg, i) => [svg, state.pictures[i]]);
  const last = state.labels.length - 1;
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  let timer = null;

  // Two letters a coordinate: 4096 levels over the recorded range.
  function places(text) {
    const [low, high] = state.range, numbers = [];
    for (let i = 0; i < text.length; i += 2) {
      const level = 64 * ALPHABET.indexOf(text[i]) + ALPHABET.indexOf(text[i + 1]);
      numbers.push(low + (level / 4095) * (high - low));
    }
    return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
  }

  function show() {
    const frame = Number(slider.value);
    cloud.setAttribute("d", crosses(places(state.frames[frame]).map(([x, y]) => [axes.x(x), axes.y(y)])));
    for (const mark of root.querySelectorAll("[data-marks]")) {
      const [x, y] = JSON.parse(mark.dataset.marks)[frame];
      mark.setAttribute("cx", x);
      mark.setAttribute("cy", y);
    }
    slider.setAttribute("aria-valuetext", state.labels[frame]);
    for (const [svg, text] of pictures) describe(svg, `${text}; ${state.labels[frame]}`);
    button.textContent = timer !== null ? "Pause" : frame === last ? "Replay" : "Play";
    // A screen reader would be flooded by a playing film: it is told the values at the pause.
    report(root, state.labels[frame], timer === null);
  }

  function pause() {
    clearInterval(timer);
    timer = null;
  }

  function play() {
    if (Number(slider.value) === last) slider.value = 0;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      // A notebook may have removed the figure.
      if (Number(slider.value) === last || !root.isConnected) pause();
      show();
    }, calm ? 1500 : 350);
    show();
  }

  button.addEventListener("click", () => (timer === null ? play() : (pause(), show())));
  slider.addEventListener("input", () => {
    pause();
    show();
  });
  button.addEventListener("keydown", (event) => {
    const frame = Number(slider.value);
    const to = { ArrowLeft: frame - 1, ArrowRight: frame + 1, Home: 0, End: last }[event.key];
    if (to === undefined || !used(event)) return;
    slider.value = to;
    pause();
    show();
    event.preventDefault();
  });
  show();
});
