// The Dirac-GAN: where a training method leads from a start that the reader drags. Formulas as in gancourse.theory.dirac.

// σ(s), the probability of being real, without overflow.
const sigmoid = (s) => (s < 0 ? Math.exp(s) / (1 + Math.exp(s)) : 1 / (1 + Math.exp(-s)));

function zeroSum(t, p) {
  const s = sigmoid(p * t);
  return [p * s, -t * s];
}

// Mean over a standard normal number: the trapezoidal rule, which for so smooth a function errs less than rounding does.
const NODES = Array.from({ length: 69 }, (_, i) => (i - 34) / 4);
const WEIGHTS = NODES.map((z) => Math.exp((-z * z) / 2) / 4 / Math.sqrt(2 * Math.PI));

function withNoise(t, p, std) {
  let belief = 0, drift = 0;
  NODES.forEach((z, i) => {
    const real = std * z, fake = t + std * z;
    const believed = sigmoid(p * fake), doubted = sigmoid(-p * real);
    belief += WEIGHTS[i] * believed;
    drift += WEIGHTS[i] * (real * doubted - fake * believed);
  });
  return [p * belief, drift];
}

function consensus(t, p, gamma) {
  const s = sigmoid(p * t), bend = (t * t + p * p) * (1 - s), pull = gamma * s * s;
  const [a, b] = zeroSum(t, p);
  return [a - pull * (t + bend * p), b - pull * (p + bend * t)];
}

const UNROLLED_STEP = 0.2;
function unrolled(t, p, n) {
  let ahead = p, slope = 0;
  for (let j = 0; j < n; j++) {
    const s = sigmoid(ahead * t), turn = ahead + t * slope;
    [ahead, slope] = [ahead - UNROLLED_STEP * t * s, slope - UNROLLED_STEP * (s + t * s * (1 - s) * turn)];
  }
  return [sigmoid(ahead * t) * (ahead + t * slope), zeroSum(t, p)[1]];
}

function penalised(t, p, gamma) {
  const [a, b] = zeroSum(t, p);
  return [a, b - gamma * p];
}

// By method: the field (generator's part first), and its Jacobian at the equilibrium, row by row.
const FIELDS = {
  GAN: [zeroSum, () => [0, 0.5, -0.5, 0]],
  NSGAN: [(t, p) => [p * sigmoid(-p * t), -t * sigmoid(p * t)], () => [0, 0.5, -0.5, 0]],
  WGAN: [(t, p) => [p, -t], () => [0, 1, -1, 0]],
  "WGAN-GP": [(t, p, gamma) => [p, -t - gamma * (Math.abs(p) - 1) * Math.sign(p)], null],
  "instance noise": [withNoise, (std) => [0, 0.5, -0.5, (-std * std) / 2]],
  R1: [penalised, (gamma) => [0, 0.5, -0.5, -gamma]],
  R2: [penalised, (gamma) => [0, 0.5, -0.5, -gamma]],
  consensus: [consensus, (gamma) => [-gamma / 4, 0.5, -0.5, -gamma / 4]],
  unrolled: [unrolled, (n) => [(-n * UNROLLED_STEP) / 2, 0.5, -0.5, 0]],
};

// Turns in one step: which of the two moves.
const TURNS = { simultaneous: ["both"], alternating: ["D", "G"], "5:1": ["D", "D", "D", "D", "D", "G"] };

function trajectory({ method, stepping, h, strength, start, n }) {
  const field = FIELDS[method][0], points = [start];
  let [t, p] = start;
  for (let i = 0; i < n; i++) {
    for (const turn of TURNS[stepping]) {
      const [a, b] = field(t, p, strength);
      if (turn !== "D") t += h * a;
      if (turn !== "G") p += h * b;
      if (method === "WGAN") p = clamp(p, -strength, strength);
    }
    points.push([t, p]);
  }
  return points;
}

// Eigenvalues of [[a, b], [c, d]] as [real, imaginary].
function eigenvalues([a, b, c, d]) {
  const centre = (a + d) / 2, root = centre * centre - (a * d - b * c);
  const half = Math.sqrt(Math.abs(root));
  return root < 0 ? [[centre, -half], [centre, half]] : [[centre - half, 0], [centre + half, 0]];
}

// By what factor a small error shrinks in one step.
function rate({ method, stepping, h, strength }) {
  const [a, b, c, d] = FIELDS[method][1](strength);
  let m = [1, 0, 0, 1];
  for (const turn of TURNS[stepping]) {
    const [ta, tb] = turn === "D" ? [1, 0] : [1 + h * a, h * b];
    const [tc, td] = turn === "G" ? [0, 1] : [h * c, 1 + h * d];
    m = [ta * m[0] + tb * m[2], ta * m[1] + tb * m[3], tc * m[0] + td * m[2], tc * m[1] + td * m[3]];
  }
  return Math.max(...eigenvalues(m).map(([x, y]) => Math.hypot(x, y)));
}

function written([x, y]) {
  const real = x.toFixed(3).replace("-", "−").replace(/^−(0\.0+)$/, "$1");
  return y ? `${real} ± ${Math.abs(y).toFixed(3)}i` : real;
}

function threeDigits(value) {
  if (!Number.isFinite(value)) return "not finite";
  if (value === 0 || (value >= 1e-3 && value < 1000)) return value.toPrecision(3);
  const [mantissa, exponent] = value.toExponential(2).split("e");
  const raised = `${Number(exponent)}`.replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
  return `${mantissa} · 10${raised}`;
}

mount((root, state) => {
  const plane = scale(part(root, "plane")), fall = scale(part(root, "fall"));
  const get = (name) => part(root, name);
  const handle = get("start");
  const setting = { start: state.start, n: state.n };

  function read() {
    setting.method = get("method").value;
    setting.stepping = get("stepping").value;
    setting.h = Number(get("h").value);
    setting.strength = Number(get("strength").value);
  }

  function choose() {
    const settable = state.strengths[get("method").value], slider = get("strength");
    slider.closest(".gw-control").hidden = !settable;
    if (!settable) return;
    const [label, low, high, step, value] = settable;
    get("strength-label").textContent = label;
    Object.assign(slider, { min: low, max: high, step });
    slider.value = value;
    showValue(root, "strength");
  }

  function arrows() {
    const [x0, x1, y0, y1] = plane.limits, n = state.arrows, d = [];
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const t = x0 + ((i + 0.5) / n) * (x1 - x0), p = y0 + ((j + 0.5) / n) * (y1 - y0);
        const [a, b] = FIELDS[setting.method][0](t, p, setting.strength);
        const size = Math.hypot(a, b), x = plane.x(t), y = plane.y(p);
        if (size < 1e-9) continue;
        const length = (16 * size) / (size + 0.5), u = (a / size) * length, v = (-b / size) * length;
        const [e, f] = [x + u / 2, y + v / 2];
        d.push(`M${tenth(x - u / 2)} ${tenth(y - v / 2)}L${tenth(e)} ${tenth(f)}`);
        d.push(`M${tenth(e - 0.3 * u - 0.2 * v)} ${tenth(f - 0.3 * v + 0.2 * u)}L${tenth(e)} ${tenth(f)}`);
        d.push(`L${tenth(e - 0.3 * u + 0.2 * v)} ${tenth(f - 0.3 * v - 0.2 * u)}`);
      }
    get("arrows").setAttribute("d", d.join(""));
  }

  function draw() {
    const points = trajectory(setting), [t, p] = setting.start;
    const seen = points.filter(([a, b]) => Number.isFinite(a + b));
    const places = seen.map(([a, b]) => [clamp(plane.x(a), -999, 1999), clamp(plane.y(b), -999, 1999)]);
    get("path").setAttribute("d", polyline(places));
    get("end").setAttribute("d", saltire(places[places.length - 1]));
    const where = `θ = ${t.toFixed(2)}, ψ = ${p.toFixed(2)}`.replaceAll("-", "−");
    place(handle, plane, setting.start, where);
    const far = points.map(([a, b]) => Math.hypot(a, b)), last = far[far.length - 1];
    const logs = far.filter(Number.isFinite).map((r) => clamp(Math.log10(r), fall.limits[2], fall.limits[3]));
    get("distance").setAttribute("d", polyline(logs.map((r, i) => [fall.x(i), fall.y(r)])));
    const from = `start ${where}, distance ${far[0].toFixed(2)}`;
    const to = threeDigits(last);
    const jacobian = FIELDS[setting.method][1];
    const near = jacobian === null
      ? "near the equilibrium: the field jumps there, so it has no eigenvalues"
      : `near the equilibrium: eigenvalues ${eigenvalues(jacobian(setting.strength)).map(written).filter((w, i, all) => !i || w !== all[0]).join(" and ")}; one step multiplies a small error by ${rate(setting).toFixed(4)}`;
    const values = `${from}\nafter ${setting.n} steps: distance ${to}`;
    report(root, `${values}\n${near}`);
    describe(get("plane"), `Field and trajectory of ${setting.method}, ${setting.stepping} steps of ${setting.h}; ${values}`);
    describe(get("fall"), `Distance from the equilibrium by step, logarithmic: from ${threeDigits(far[0])} to ${to} after ${setting.n} steps`);
  }

  const later = lazily(draw);
  function all() {
    read();
    arrows();
    later();
  }
  get("method").addEventListener("change", () => (choose(), all()));
  get("stepping").addEventListener("change", all);
  for (const name of ["h", "strength"])
    get(name).addEventListener("input", () => {
      showValue(root, name);
      all();
    });
  get("reset").addEventListener("click", () => {
    setting.start = state.start;
    later();
  });
  draggable(handle, plane, 0.05, () => setting.start, (t, p) => {
    setting.start = [t, p];
    later();
  });
  read();
  arrows();
  draw();
  root.gancourse = { trajectory, eigenvalues: (s) => eigenvalues(FIELDS[s.method][1](s.strength)), rate };
});
