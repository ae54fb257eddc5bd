// A recorded training: slider, play button, arrow keys.
mount("scrub", (root, state) => {
  const axes = scale(part(root, "plane"));
  const cloud = part(root, "generated"), slider = part(root, "slider"), button = part(root, "play");
  const status = part(root, "status");
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
    status.textContent = state.labels[frame];
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
    status.setAttribute("aria-live", "polite");
  }

  function play() {
    if (Number(slider.value) === last) slider.value = 0;
    // A screen reader would be flooded: it is told the value again at the pause.
    status.setAttribute("aria-live", "off");
    button.textContent = "Pause";
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      if (Number(slider.value) === last) pause();
      show();
    }, calm ? 1500 : 350);
    show();
  }

  button.addEventListener("click", () => (timer === null ? play() : (pause(), show())));
  slider.addEventListener("input", () => {
    pause();
    show();
  });
  root.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.target === slider) return;
    slider.value = Number(slider.value) + by;
    pause();
    show();
    event.preventDefault();
    event.stopPropagation();
  });
  show();
});
