// A style-based generator in the page. Its networks are loaded when the reader asks for them; until then it is a picture.

// What the page says of the files with networks. Looked for in the head alone: a notebook that isn't trusted has no hand there.
function declared(generator) {
  const meta = document.head.querySelector('meta[name="gancourse-live"]');
  const files = meta === null ? {} : JSON.parse(meta.content);
  return files.runtime && files[generator] ? [files.runtime, files[generator]] : null;
}

// A classic script, which unlike fetch() also comes from a folder on disk.
function load(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${address.split("?")[0]} can’t be read`));
    script.src = address;
    document.head.append(script);
  });
}

// The three graphs and their tables: styles of all seeds at once, then images and readings one at a time.
async function networks(files, generator) {
  for (const { address } of files) await load(address);
  const { unpacked, started } = window.gancourseLive.runtime, packed = window.gancourseLive[generator];
  const ort = await started(), graphs = {}, tables = {};
  for (const name of ["mapping", "synthesis", "meter"])
    graphs[name] = await ort.InferenceSession.create(await unpacked(packed[name]));
  for (const name of ["latents", "noises", "mean"])
    tables[name] = new Float32Array((await unpacked(packed[name])).buffer);
  const size = tables.mean.length, n_noise = packed.n_noise, n_layers = packed.n_layers;
  const tensor = (numbers, shape) => new ort.Tensor("float32", numbers, shape);
  const z = tensor(tables.latents, [tables.latents.length / size, size]);
  const styles = (await graphs.mapping.run({ z })).w.data;

  // w̄ + ψ (w − w̄) for each layer: of the first seed up to the crossover, of the second from it on.
  function mixed({ seed, second, psi, crossover }) {
    return Float32Array.from({ length: n_layers * size }, (_, k) => {
      const layer = Math.floor(k / size), i = k % size, mean = tables.mean[i];
      return mean + psi * (styles[(layer < crossover ? seed : second) * size + i] - mean);
    });
  }

  async function image(setting) {
    const from = (setting.noise - 1) * n_noise;
    const noise = setting.noise ? tables.noises.slice(from, from + n_noise) : new Float32Array(n_noise);
    const inputs = { w: tensor(mixed(setting), [1, n_layers, size]), noise: tensor(noise, [1, n_noise]) };
    return (await graphs.synthesis.run(inputs)).image;
  }

  return { n_layers, image, readings: async (face) => (await graphs.meter.run({ image: face })).readings.data };
}

// An image [1, 3, side, side] from −1 to 1 as the address of a picture.
function painted({ data, dims }) {
  const side = dims[3], pixels = new ImageData(side, side), canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  for (let i = 0; i < side * side; i++) {
    for (let c = 0; c < 3; c++) pixels.data[4 * i + c] = Math.round((clamp(data[c * side * side + i], -1, 1) + 1) * 127.5);
    pixels.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas.toDataURL("image/png");
}

// A bar's length and what is written beside it, as `reading` in styled.py has it.
function reading([name, column, classes], numbers) {
  const own = Array.from(numbers.slice(column, column + Math.max(1, classes.length)));
  if (classes.length === 0 || classes.join() === "no,yes") {
    const value = own[own.length - 1];
    return { name, value, text: value.toFixed(2) };
  }
  const best = own.indexOf(Math.max(...own));
  return { name, value: own[best], text: classes[best] };
}

mount((root, state) => {
  const get = (name) => part(root, name);
  const run = get("run"), files = declared(state.generator), sliders = ["seed", "second", "psi", "crossover"];
  const uncovered = [...root.querySelectorAll(".gw-control"), get("reset")];
  for (const control of uncovered) control.hidden = true;
  if (files === null) {
    const note = document.createElement("p");
    note.className = "gw-static";
    note.textContent = state.absent;
    run.replaceWith(note);
    return;
  }
  const megabytes = files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
  const offer = `Run the generator here (${Math.max(1, Math.round(megabytes))} MB)`;
  run.textContent = offer;

  let network = null;
  const milliseconds = []; // of each image that was generated
  const faces = new Map(); // both seeds' own faces, which most moves of the crossover leave as they are

  function read() {
    const numbers = sliders.map((name) => [name, Number(get(name).value)]);
    return { ...Object.fromEntries(numbers), noise: Number(get("noise").value) };
  }

  async function generated(setting) {
    const start = performance.now(), image = await network.image(setting);
    milliseconds.push(performance.now() - start);
    return image;
  }

  async function alone(seed, { psi, noise }) {
    const key = `${seed} ${psi} ${noise}`;
    if (!faces.has(key)) {
      if (faces.size > 200) faces.clear();
      faces.set(key, painted(await generated({ seed, second: seed, psi, noise, crossover: network.n_layers })));
    }
    return faces.get(key);
  }

  async function show(setting) {
    const image = await generated(setting), numbers = await network.readings(image);
    const sources = [await alone(setting.seed, setting), await alone(setting.second, setting)];
    get("face").setAttribute("href", painted(image));
    ["first-face", "second-face"].forEach((name, i) => get(name).setAttribute("href", sources[i]));
    get("first-face-label").textContent = `seed ${setting.seed}`;
    get("second-face-label").textContent = `seed ${setting.second}`;
    const readings = state.rows.map((row) => reading(row, numbers));
    readings.forEach(({ value, text }, i) => {
      const bar = get(`bar${i}`), [start] = bar.getAttribute("d").split("h");
      bar.setAttribute("d", `${start}h${tenth(state.bar_width * value)}`);
      get(`word${i}`).textContent = text;
    });
    const noise = setting.noise ? `noise ${setting.noise}` : "no noise";
    const where = `seed ${setting.seed}, ψ = ${setting.psi.toFixed(2)}, ${state.layers[setting.crossover]} of seed ${setting.second}, ${noise}`;
    const spoken = (names) => readings.filter((r) => names.includes(r.name)).map((r) => `${r.name} ${r.text}`).join(", ");
    describe(get("face"), `Generated face: ${where}`);
    describe(get("bar0"), `Factors that the regressor reads: ${spoken(readings.map((r) => r.name))}`);
    report(root, `${where}\nthe regressor reads: ${spoken(state.headlines)}`);
  }

  // One run at a time; of the moves meanwhile the last one counts.
  let isRunning = false, isWaiting = false;
  async function draw() {
    isWaiting = true;
    if (isRunning) return;
    isRunning = true;
    try {
      while (isWaiting) {
        isWaiting = false;
        await show(read());
      }
    } catch (error) {
      report(root, `The generator stopped: ${error.message}`);
    } finally {
      isRunning = false;
    }
  }

  function showValues() {
    for (const name of sliders) showValue(root, name);
    get("crossover").setAttribute("aria-valuetext", `${state.layers[Number(get("crossover").value)]} of the second seed`);
  }

  async function begin() {
    if (run.ariaDisabled === "true") return;
    run.ariaDisabled = "true"; // not disabled, which would take the focus away
    run.textContent = "Loading …";
    try {
      network = await networks(files, state.generator);
    } catch (error) {
      run.textContent = offer;
      run.ariaDisabled = "false";
      report(root, `The generator can’t run here: ${error.message}`);
      return;
    }
    for (const control of uncovered) control.hidden = false;
    if (document.activeElement === run) get("seed").focus();
    run.remove();
    root.dispatchEvent(new Event("gancourse-controls")); // a slide gives the pictures what room is left
    showValues();
    await draw();
    root.dataset.running = "yes";
  }

  run.addEventListener("click", begin);
  for (const name of sliders)
    get(name).addEventListener("input", () => {
      showValues();
      draw();
    });
  get("noise").addEventListener("change", draw);
  get("reset").addEventListener("click", () => {
    for (const name of [...sliders, "noise"]) get(name).value = state.rest[name];
    showValues();
    draw();
  });
  root.gancourse = {
    milliseconds,
    image: async (setting) => Array.from((await network.image(setting)).data),
    readings: async (setting) => Array.from(await network.readings(await network.image(setting))),
  };
});
