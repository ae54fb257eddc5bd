// Diffusion in the plane: exact scores of a noisy mixture, and the ways back. Formulas as in gancourse.theory.NoisyMixture
// and gancourse.diffusion; starts and noise as in gancourse/widgets/noising.py.

// ᾱ of DDPM's linear schedule.
const BARS = [];
for (let i = 0, bar = 1; i < 1000; i++) BARS.push((bar *= 1 - (1e-4 + (i * (0.02 - 1e-4)) / 999)));

const halvesToEven = (x) => (x % 1 === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

// When the denoiser is called, decreasing: integers for DDPM's process, numbers up to 1 for the flow.
function times({ method, n, t }) {
  if (method === "flow") return Array.from({ length: n }, (_, i) => t * (1 - i / n));
  const last = Math.floor(t * 999 + 0.5), count = Math.min(n, last + 1);
  if (count === 1) return [last];
  return Array.from({ length: count }, (_, i) => halvesToEven((last * (count - 1 - i)) / (count - 1)));
}

// Signal α and noise σ.
const level = (method, time) => (method === "flow" ? [1 - time, time] : [Math.sqrt(BARS[time]), Math.sqrt(1 - BARS[time])]);

// E[x₀ | x] and E[ε | x] of some of the components, into `out`. Called up to 400,000 times a picture: plain loops.
const logs = new Float64Array(99);
function expectations({ means, std }, members, x, y, a, s, out) {
  const variance = a * a * std * std + s * s, n = members.length;
  let top = -Infinity, total = 0, u = 0, v = 0;
  for (let i = 0; i < n; i++) {
    const mean = means[members[i]], c = mean[0], d = mean[1];
    logs[i] = (a * (x * c + y * d) - (a * a * (c * c + d * d)) / 2) / variance;
    if (logs[i] > top) top = logs[i];
  }
  for (let i = 0; i < n; i++) {
    const mean = means[members[i]], weight = Math.exp(logs[i] - top);
    total += weight;
    u += weight * mean[0];
    v += weight * mean[1];
  }
  u /= total;
  v /= total;
  const p = (x - a * u) / variance, q = (y - a * v) / variance, pull = a * std * std;
  out[0] = u + pull * p;
  out[1] = v + pull * q;
  out[2] = s * p;
  out[3] = s * q;
}

// The same with guidance: s · of the class + (1 − s) · of all.
const withClass = new Float64Array(4), without = new Float64Array(4);
function guided({ mixture, guidance }, x, y, a, s, out) {
  if (guidance !== 0) expectations(mixture, mixture.members, x, y, a, s, withClass);
  if (guidance !== 1) expectations(mixture, mixture.all, x, y, a, s, without);
  for (let i = 0; i < 4; i++) out[i] = guidance * withClass[i] + (1 - guidance) * without[i];
}

// Guided score: −E[ε | x] / σ.
const estimate = new Float64Array(4);
function score(setting, [x, y], [a, s]) {
  guided(setting, x, y, a, s, estimate);
  return [-estimate[2] / s, -estimate[3] / s];
}

// The levels that a way back visits, down to data.
const levels = (setting) => [...times(setting).map((time) => level(setting.method, time)), [1, 0]];

// Lead a point back over those levels, and return its end; `draw` gives the noise of a step, `visit` gets each place.
function lead(setting, levels, [x, y], draw, visit) {
  const random = setting.method === "DDPM";
  for (let i = 0; i + 1 < levels.length; i++) {
    const a = levels[i][0], s = levels[i][1], b = levels[i + 1][0], r = levels[i + 1][1];
    guided(setting, x, y, a, s, estimate);
    if (random) {
      // What of x₀ and of x is in the mean, and the large variance; no noise is added to data.
      const signal = a / b, variance = Math.max(0, s * s - (signal * r) ** 2);
      const ofData = (b * variance) / (s * s), ofNow = (signal * r * r) / (s * s);
      const noise = r > 0 ? draw(i) : [0, 0], spread = Math.sqrt(variance);
      x = ofData * estimate[0] + ofNow * x + spread * noise[0];
      y = ofData * estimate[1] + ofNow * y + spread * noise[1];
    } else {
      x = b * estimate[0] + r * estimate[2];
      y = b * estimate[1] + r * estimate[3];
    }
    if (visit) visit([x, y]);
  }
  return [x, y];
}

// The point and what follows it after each step.
function states(setting, point, draw) {
  const all = [point];
  lead(setting, levels(setting), point, draw, (next) => all.push(next));
  return all;
}

// Points spread evenly over a standard normal distribution.
const spiral = (n) =>
  Array.from({ length: n }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - (i + 0.5) / n)), angle = i * (Math.PI * (3 - Math.sqrt(5)));
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });

function scrambled(word) {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

// Two standard normal numbers, which depend on step and sample alone.
function normal(step, sample) {
  const word = Math.imul(step, 0x9e3779b1) + 2 * sample;
  const u = (scrambled(word | 0) + 0.5) / 2 ** 32, v = (scrambled((word + 1) | 0) + 0.5) / 2 ** 32;
  const radius = Math.sqrt(-2 * Math.log(u)), angle = 2 * Math.PI * v;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

// The map of one step: each sector of the plane becomes a mode.
function oneStep({ means, std }, members, [x, y]) {
  const turns = (Math.atan2(y, x) / (2 * Math.PI)) * members.length + 0.5, sector = Math.floor(turns);
  const angle = 2 * Math.PI * (turns - sector), radius = std * Math.hypot(x, y);
  const [c, d] = means[members[(sector + members.length) % members.length]];
  return [c + radius * Math.cos(angle), d + radius * Math.sin(angle)];
}

// Standard deviation within modes over the true one with its standard error, and the shares, as metrics.mode_widths.
function widths(samples, { means, std }) {
  const n = samples.length, sums = means.map(() => [0, 0, 0]);
  const nearest = samples.map(([x, y]) => {
    const far = means.map(([c, d]) => (x - c) ** 2 + (y - d) ** 2), k = far.indexOf(Math.min(...far));
    sums[k][0] += x;
    sums[k][1] += y;
    sums[k][2] += 1;
    return k;
  });
  const squared = samples.map(([x, y], i) => {
    const [u, v, count] = sums[nearest[i]];
    return ((x - u / count) ** 2 + (y - v / count) ** 2) / 2;
  });
  const total = squared.reduce((a, b) => a + b), mean = total / n;
  const variance = total / (n - sums.filter(([, , count]) => count).length), ratio = Math.sqrt(variance) / std;
  const spread = Math.sqrt(squared.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1));
  return { ratio, error: (ratio * spread) / (2 * variance * Math.sqrt(n)), shares: sums.map(([, , count]) => count / n) };
}

// A number with two decimals; no minus before a zero.
const two = (value) => value.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "−");

mount((root, state) => {
  const get = (name) => part(root, name);
  const plane = scale(get("plane")), above = scale(get("samples")), below = scale(get("images"));
  const on = (axes) => ([x, y]) => [axes.x(x), axes.y(y)];
  const small = (places) => places.map(([x, y]) => `M${tenth(x - 2)} ${tenth(y - 2)}l4 4m0-4l-4 4`).join("");
  const starts = spiral(state.samples), setting = { point: state.point };
  let values = "";

  function read() {
    setting.mixture = state.mixtures[get("modes").value];
    setting.method = get("method").value;
    setting.n = state.counts[get("steps").value];
    setting.guidance = Number(get("guidance").value);
    setting.t = Number(get("time").value);
  }
  const members = () => (setting.guidance > 0 ? setting.mixture.members : setting.mixture.all);
  const now = () => level(setting.method, times({ ...setting, n: 1 })[0]);

  function arrows() {
    const [x0, x1, y0, y1] = plane.limits, n = state.arrows, d = [], here = now();
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const point = [x0 + ((i + 0.5) / n) * (x1 - x0), y0 + ((j + 0.5) / n) * (y1 - y0)];
        const [a, b] = score(setting, point, here).map((v) => v * here[1]), size = Math.hypot(a, b);
        if (size < 1e-9) continue;
        const [x, y] = on(plane)(point), length = (18 * size) / (size + 0.5);
        const u = (a / size) * length, v = (-b / size) * length, e = x + u / 2, f = y + v / 2;
        d.push(polyline([[x - u / 2, y - v / 2], [e, f]]));
        d.push(polyline([[e - 0.3 * u - 0.2 * v, f - 0.3 * v + 0.2 * u], [e, f], [e - 0.3 * u + 0.2 * v, f - 0.3 * v - 0.2 * u]]));
      }
    get("arrows").setAttribute("d", d.join(""));
  }

  // What depends on the level of noise: data with noise.
  function data() {
    const [a, s] = now(), { means, std } = setting.mixture;
    const noisy = starts.map((_, i) => {
      const [x, y] = means[i % means.length], [e, f] = normal(state.draws[0], i), [g, h] = normal(state.draws[1], i);
      return [a * (x + std * e) + s * g, a * (y + std * f) + s * h];
    });
    get("data").setAttribute("d", dots(noisy.map(on(plane))));
  }

  // What doesn't depend on the point: samples from noise, by the method and by the map of one step.
  function samples() {
    const { mixture, method, n } = setting, visited = levels({ ...setting, t: 1 });
    const ends = starts.map((z, i) => lead(setting, visited, z, (step) => normal(step, i)));
    const images = starts.map((z) => oneStep(mixture, members(), z));
    const middle = mixture.members[1], spoken = [];
    [[ends, "samples", above], [images, "images", below]].forEach(([points, name, axes]) => {
      const { ratio, error, shares } = widths(points, mixture);
      const inClass = mixture.members.reduce((sum, k) => sum + shares[k], 0);
      get(`${name}-points`).setAttribute("d", small(points.map(on(axes))));
      get(`${name}-width`).textContent = `${two(ratio)} ± ${two(error)}`;
      get(`${name}-class`).textContent = `in class ${two(inClass)}`;
      get(`${name}-middle`).textContent = `middle ${two(shares[middle])}`;
      const radius = 2 * mixture.std * (axes.x(1) - axes.x(0));
      const circle = ([x, y]) => `M${tenth(x - radius)} ${tenth(y)}a${tenth(radius)} ${tenth(radius)} 0 1 0 ${tenth(2 * radius)} 0a${tenth(radius)} ${tenth(radius)} 0 1 0 ${tenth(-2 * radius)} 0`;
      get(`${name}-truth`).setAttribute("d", mixture.means.map(on(axes)).map(circle).join(""));
      spoken.push(`width / truth ${two(ratio)} ± ${two(error)}, in class ${two(inClass)}, middle ${two(shares[middle])}`);
    });
    get("samples-title").textContent = counted(method, n);
    values = spoken[0];
    describe(get("samples"), `Samples from noise by ${counted(method, n)}, guidance ${setting.guidance}: ${spoken[0]}; by the one-step map: ${spoken[1]}`);
  }
  const counted = (method, n) => `${method}, ${n} ${n > 1 ? "steps" : "step"}`;

  function walk() {
    const { point, method, n, t, mixture } = setting, all = states(setting, point, (step) => normal(step, state.samples));
    const places = all.map(on(plane)).map(([x, y]) => [clamp(x, -999, 1999), clamp(y, -999, 1999)]), end = all[all.length - 1];
    get("path").setAttribute("d", polyline(places));
    get("marks").setAttribute("d", places.length <= state.marked ? dots(places.slice(1)) : "");
    get("end").setAttribute("d", saltire(places[places.length - 1]));
    // Only from pure noise are both ends samples of the data.
    get("samples-end").setAttribute("d", t === 1 ? saltire(on(above)(end)) : "");
    get("images-end").setAttribute("d", t === 1 ? saltire(on(below)(oneStep(mixture, members(), point))) : "");
    const where = point.map(two).join(", ");
    place(get("point"), plane, point, where);
    const [a, s] = now();
    const line = `x = (${where}), t = ${two(t)}: α ${two(a)}, σ ${two(s)}\n${counted(method, n)}: ends at (${end.map(two).join(", ")})`;
    report(root, `${line}\n${values}`);
    describe(get("plane"), `Data with noise, score as arrows and a point’s way back; ${line}`);
  }

  let changed = { field: true, cloud: true };
  const later = lazily(draw);
  function draw() {
    if (changed.field) (arrows(), data());
    if (changed.cloud) samples();
    changed = {};
    walk();
  }
  function all(what) {
    read();
    changed = { ...changed, ...what };
    later();
  }
  function showSteps() {
    const slider = get("steps"), n = state.counts[slider.value];
    get("steps-value").textContent = n;
    slider.setAttribute("aria-valuetext", n);
  }
  for (const name of ["modes", "method"]) get(name).addEventListener("change", () => all({ field: true, cloud: true }));
  get("steps").addEventListener("input", () => (showSteps(), all({ cloud: true })));
  get("guidance").addEventListener("input", () => (showValue(root, "guidance"), all({ field: true, cloud: true })));
  get("time").addEventListener("input", () => (showValue(root, "time"), all({ field: true })));
  get("reset").addEventListener("click", () => {
    setting.point = state.point;
    get("time").value = 1;
    showValue(root, "time");
    all({ field: true });
  });
  draggable(get("point"), plane, 0.05, () => setting.point, (x, y) => {
    setting.point = [x, y];
    later();
  });
  read();
  draw();
  root.gancourse = { level, levels, times, score, lead, states, spiral, normal, oneStep, widths, setting };
});
