// Two Gaussians: the best discriminator between them, and what a shift of its logit costs. As in widgets/gaussians.py.

const bell = (x, mean, std) => Math.exp(-(((x - mean) / std) ** 2) / 2) / (std * Math.sqrt(2 * Math.PI));
const logRatio = (x, mean, std) => (((x - mean) / std) ** 2 - x * x) / 2 + Math.log(std);
const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));
const logSigmoid = (logit) => Math.min(logit, 0) - Math.log1p(Math.exp(-Math.abs(logit)));

function gameValue([first, last, spacing], mean, std, shift) {
  const n = Math.round((last - first) / spacing);
  let sum = 0;
  for (let i = 0; i <= n; i++) {
    const x = first + spacing * i, logit = logRatio(x, mean, std) + shift;
    sum += bell(x, 0, 1) * logSigmoid(logit) + bell(x, mean, std) * logSigmoid(-logit);
  }
  return sum * spacing;
}

const jensenShannon = (grid, mean, std) => (gameValue(grid, mean, std, 0) + Math.log(4)) / 2;

mount((root, state) => {
  const get = (name) => part(root, name);
  const densities = scale(get("densities")), d = scale(get("d"));
  const divergence = scale(get("divergence")), value = scale(get("value"));
  const [low, high] = state.shown, [nShape, nCurve] = state.pieces;
  const places = Array.from({ length: nShape + 1 }, (_, i) => low + ((high - low) * i) / nShape);
  const line = (name, axes, xs, height) =>
    get(name).setAttribute("d", polyline(xs.map((x) => [axes.x(x), axes.y(height(x))])));
  let drawn = [];

  function draw() {
    const [mean, std, shift] = ["mean", "std", "shift"].map((name) => Number(get(name).value));
    line("generated-line", densities, places, (x) => bell(x, mean, std));
    line("best-line", d, places, (x) => sigmoid(logRatio(x, mean, std)));
    line("d-line", d, places, (x) => sigmoid(logRatio(x, mean, std) + shift));
    const along = ([x0, x1]) => Array.from({ length: nCurve + 1 }, (_, i) => x0 + ((x1 - x0) * i) / nCurve);
    if (drawn[1] !== std) line("divergence-line", divergence, along(divergence.limits), (m) => jensenShannon(state.grid, m, std));
    if (drawn[0] !== mean || drawn[1] !== std)
      line("value-line", value, along(value.limits), (b) => gameValue(state.grid, mean, std, b));
    drawn = [mean, std];
    const jsd = jensenShannon(state.grid, mean, std), now = gameValue(state.grid, mean, std, shift);
    for (const [name, axes, x, y] of [["divergence-now", divergence, mean, jsd], ["value-now", value, shift, now]]) {
      get(name).setAttribute("cx", tenth(axes.x(x)));
      get(name).setAttribute("cy", tenth(axes.y(y)));
    }
    const values = [
      `JSD = ${jsd.toFixed(3)} nats, of at most log 2 = 0.693`,
      `V(D) = ${now.toFixed(3)} nats; of the best D: 2 JSD − log 4 = ${(2 * jsd - Math.log(4)).toFixed(3)}`,
    ].join("\n").replaceAll("-", "−");
    const where = `mean ${mean.toFixed(1)}, σ = ${std.toFixed(1)}, logit shifted by ${shift.toFixed(1)}`.replaceAll("-", "−");
    report(root, values);
    describe(get("d"), `Densities of the data and of the generator, and D(x) below; ${where}`);
    describe(get("value"), `Divergence against the mean, and V(D) against the shift; now ${values}`);
  }

  const later = lazily(draw);
  for (const name of ["mean", "std", "shift"])
    get(name).addEventListener("input", () => {
      showValue(root, name);
      later();
    });
  get("best").addEventListener("click", () => {
    get("shift").value = 0;
    showValue(root, "shift");
    later();
  });
  draw();
  root.gancourse = { gameValue: (...at) => gameValue(state.grid, ...at), jensenShannon: (...at) => jensenShannon(state.grid, ...at) };
});
