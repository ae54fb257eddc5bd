// Two clouds of points: what it costs to carry one to the other, and what a divergence sees of it.

// Cheapest one-to-one assignment of rows to columns: shortest augmenting paths, with a potential for each row and column.
function assign(cost) {
  const n = cost.length, rows = Array(n + 1).fill(0), columns = Array(n + 1).fill(0);
  const match = Array(n + 1).fill(0), before = Array(n + 1).fill(0);
  for (let row = 1; row <= n; row++) {
    match[0] = row;
    let column = 0;
    const slack = Array(n + 1).fill(Infinity), done = Array(n + 1).fill(false);
    do {
      done[column] = true;
      let least = Infinity, next = 0;
      for (let j = 1; j <= n; j++) {
        if (done[j]) continue;
        const reduced = cost[match[column] - 1][j - 1] - rows[match[column]] - columns[j];
        if (reduced < slack[j]) [slack[j], before[j]] = [reduced, column];
        if (slack[j] < least) [least, next] = [slack[j], j];
      }
      for (let j = 0; j <= n; j++) {
        if (done[j]) {
          rows[match[j]] += least;
          columns[j] -= least;
        } else slack[j] -= least;
      }
      column = next;
    } while (match[column] !== 0);
    while (column) {
      match[column] = match[before[column]];
      column = before[column];
    }
  }
  const partner = Array(n);
  for (let j = 1; j <= n; j++) partner[match[j] - 1] = j - 1;
  return partner;
}

const moved = (points, [a, b]) => points.map(([x, y]) => [x + a, y + b]);

function wasserstein(xs, ys) {
  const cost = xs.map(([a, b]) => ys.map(([c, d]) => Math.hypot(a - c, b - d)));
  const partner = assign(cost);
  return { partner, distance: partner.reduce((sum, j, i) => sum + cost[i][j], 0) / xs.length };
}

// Jensen-Shannon divergence in nats. Width 0: of the points themselves. Else each point is blurred by a Gaussian, and
// the mean of log(2p / (p + q)) over each of them is taken by the trapezoidal rule.
const SPACING = 0.5, REACH = 9;
const OFFSETS = Array.from({ length: 2 * REACH + 1 }, (_, i) => (i - REACH) * SPACING);
const HEIGHTS = OFFSETS.map((z) => Math.exp((-z * z) / 2)), WHOLE = HEIGHTS.reduce((a, b) => a + b);
const BELL = HEIGHTS.map((height) => height / WHOLE); // sums to one, although the tails are cut

function shared(xs, ys) {
  const left = ys.slice();
  let common = 0;
  for (const [a, b] of xs) {
    const j = left.findIndex(([c, d]) => Math.hypot(a - c, b - d) < 1e-9);
    if (j < 0) continue;
    left.splice(j, 1);
    common++;
  }
  return common / xs.length;
}

function density(points, [a, b], width, n) {
  const sums = new Float64Array(n * n);
  for (const [x, y] of points) {
    const across = OFFSETS.map((z) => Math.exp(-(((a - x) / width + z) ** 2) / 2));
    const along = OFFSETS.map((z) => Math.exp(-(((b - y) / width + z) ** 2) / 2));
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sums[i * n + j] += across[i] * along[j];
  }
  return sums;
}

function jensenShannon(xs, ys, width) {
  if (width === 0) return Math.LN2 * (1 - shared(xs, ys));
  const n = OFFSETS.length;
  let total = 0;
  for (const [mine, other] of [[xs, ys], [ys, xs]])
    for (const centre of mine) {
      const p = density(mine, centre, width, n), q = density(other, centre, width, n);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          const k = i * n + j;
          total += BELL[i] * BELL[j] * Math.log((2 * p[k]) / (p[k] + q[k]));
        }
    }
  return Math.max(0, total / (2 * xs.length));
}

mount((root, state) => {
  const get = (name) => part(root, name);
  const plane = scale(get("plane")), cost = scale(get("cost")), divergence = scale(get("divergence"));
  const handle = get("handle"), setting = { shift: state.shift };

  function read() {
    [setting.real, setting.generated] = state.shapes[get("shape").value];
    setting.width = Number(get("width").value);
  }

  // Both along a horizontal move, at the present height.
  function curves() {
    const [low, high] = cost.limits, n = 120, at = Array.from({ length: n + 1 }, (_, i) => low + (i / n) * (high - low));
    const there = (a) => moved(setting.generated, [a, setting.shift[1]]);
    get("cost-line").setAttribute("d", polyline(at.map((a) => [cost.x(a), cost.y(wasserstein(setting.real, there(a)).distance)])));
    const blurred = setting.width > 0;
    const flat = [low, high].map((a) => [divergence.x(a), divergence.y(Math.LN2)]);
    const seen = (a) => [divergence.x(a), divergence.y(jensenShannon(setting.real, there(a), setting.width))];
    get("divergence-line").setAttribute("d", polyline(blurred ? at.map(seen) : flat));
    // Points themselves: less than log 2 at single places only, where some of them meet.
    const meetings = new Map();
    if (!blurred)
      for (const [a, b] of setting.real)
        for (const [c, d] of setting.generated)
          if (Math.abs(b - d - setting.shift[1]) < 1e-9) meetings.set((a - c).toFixed(6), a - c);
    get("divergence-dots").setAttribute("d", dots([...meetings.values()].map(seen)));
  }

  function draw() {
    const [a, b] = setting.shift, ys = moved(setting.generated, setting.shift);
    const { partner, distance } = wasserstein(setting.real, ys);
    const jsd = jensenShannon(setting.real, ys, setting.width);
    const on = ([x, y]) => [plane.x(x), plane.y(y)];
    get("real").setAttribute("d", dots(setting.real.map(on)));
    get("generated").setAttribute("d", crosses(ys.map(on)));
    get("plan").setAttribute("d", setting.real.map((x, i) => polyline([on(x), on(ys[partner[i]])])).join(""));
    for (const [mark, axes, y] of [["cost-now", cost, distance], ["divergence-now", divergence, jsd]]) {
      get(mark).setAttribute("cx", tenth(axes.x(a)));
      get(mark).setAttribute("cy", tenth(axes.y(y)));
    }
    const where = `${a.toFixed(2)} to the right, ${b.toFixed(2)} up`.replaceAll("-", "−");
    place(handle, plane, setting.shift, where);
    const values = `W₁ = ${distance.toFixed(3)}\nJSD = ${jsd.toFixed(3)} nats, of at most log 2 = 0.693`;
    report(root, `moved ${where}\n${values}`);
    const clouds = get("shape").selectedOptions[0].text;
    describe(get("plane"), `Optimal plan between ${clouds}; moved ${where}\n${values}`);
    describe(get("cost"), `W₁ and Jensen–Shannon divergence against the horizontal move; now ${values}`);
  }

  let height = null;
  const later = lazily(() => {
    if (height !== setting.shift[1]) curves();
    height = setting.shift[1];
    draw();
  });
  function all() {
    read();
    height = null;
    later();
  }
  get("shape").addEventListener("change", all);
  get("width").addEventListener("input", () => {
    showValue(root, "width");
    all();
  });
  get("reset").addEventListener("click", () => {
    setting.shift = state.shift;
    later();
  });
  draggable(handle, plane, 0.1, () => setting.shift, (a, b) => {
    setting.shift = [a, b];
    later();
  });
  read();
  height = setting.shift[1];
  draw();
  root.gancourse = { wasserstein, jensenShannon };
});
