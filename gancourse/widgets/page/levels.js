// A face's Laplacian pyramid: scale each level, or take one from another face, and see what is rebuilt.

// Integers as in gancourse/laplacian.py: quotients by powers of two, halves up.
const shares = (x, denominator) => Math.floor((x + denominator / 2) / denominator);

// One channel, rows of numbers; what lies beyond an edge is reflected about the outermost pixel.
const reflected = (i, n) => {
  const period = Math.max(2 * (n - 1), 1), at = ((i % period) + period) % period;
  return Math.min(at, period - at);
};

function halvedLine(line) {
  const n = line.length, at = (i) => line[reflected(i, n)];
  return Array.from({ length: Math.ceil(n / 2) }, (_, j) => {
    const i = 2 * j;
    return shares(6 * at(i) + 4 * (at(i - 1) + at(i + 1)) + (at(i - 2) + at(i + 2)), 16);
  });
}

function doubledLine(line) {
  const n = 2 * line.length, at = (i) => line[reflected(i, n) / 2];
  return line.flatMap((_, j) => {
    const i = 2 * j;
    return [shares(6 * at(i) + (at(i - 2) + at(i + 2)), 8), shares(at(i) + line[reflected(i + 2, n) >> 1], 2)];
  });
}

const turned = (rows) => rows[0].map((_, j) => rows.map((row) => row[j]));
const down = (rows) => turned(turned(rows.map(halvedLine)).map(halvedLine));
const up = (rows) => turned(turned(turned(turned(rows).map(doubledLine)).map(doubledLine)));
const combined = (a, b, f) => a.map((row, i) => row.map((x, j) => f(x, b[i][j])));

function pyramid(image, n) {
  const bands = [];
  for (let k = 1; k < n; k++) {
    const low = down(image);
    bands.push(combined(image, up(low), (x, y) => x - y));
    image = low;
  }
  return [...bands, image];
}

function reconstruct(bands) {
  return bands.slice(0, -1).reduceRight((image, band) => combined(up(image), band, (x, y) => x + y), bands[bands.length - 1]);
}

mount((root, state) => {
  const get = (name) => part(root, name);
  const n = state.levels, side = state.side;

  // Bytes of a face, by pixel and channel, around mid-grey: three channels of rows.
  const faces = state.faces.map((text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return [0, 1, 2].map((c) =>
      Array.from({ length: side }, (_, i) => Array.from({ length: side }, (_, j) => bytes[3 * (i * side + j) + c] - state.grey))
    );
  });
  const pyramids = faces.map((face) => face.map((channel) => pyramid(channel, n)));

  // The levels that are shown: of one face or the other, each scaled and rounded.
  function levels() {
    const scales = Array.from({ length: n }, (_, k) => Number(get(`scale${k}`).value)), other = Number(get("other").value);
    const chosen = [0, 1, 2].map((c) =>
      scales.map((s, k) => pyramids[k === other ? 1 : 0][c][k].map((row) => row.map((x) => Math.floor(s * x + 0.5))))
    );
    return { scales, other, chosen };
  }

  function picture(channels) {
    const size = channels[0].length, canvas = document.createElement("canvas");
    canvas.width = canvas.height = size;
    const data = new ImageData(size, size);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        for (let c = 0; c < 3; c++) data.data[4 * (i * size + j) + c] = clamp(channels[c][i][j] + state.grey, 0, 255);
        data.data[4 * (i * size + j) + 3] = 255;
      }
    canvas.getContext("2d").putImageData(data, 0, 0);
    return canvas.toDataURL("image/png");
  }

  // Root mean square difference from the first face, in bytes, of what a screen shows.
  function difference(image) {
    let sum = 0;
    image.forEach((rows, c) =>
      rows.forEach((row, i) =>
        row.forEach((x, j) => (sum += (clamp(x + state.grey, 0, 255) - state.grey - faces[0][c][i][j]) ** 2))
      )
    );
    return Math.sqrt(sum / (3 * side * side));
  }

  function draw() {
    const { scales, other, chosen } = levels();
    const image = chosen.map(reconstruct);
    get("rebuilt").setAttribute("href", picture(image));
    for (let k = 0; k < n; k++) get(`level${k}`).setAttribute("href", picture(chosen.map((bands) => bands[k])));
    const parts = scales.map((s, k) => `${state.names[k]} × ${s.toFixed(1)}${k === other ? " of the other face" : ""}`);
    const values = `${parts.join(", ")}\ndifference from the face: ${difference(image).toFixed(1)} of 255`.replaceAll("-", "−");
    report(root, values);
    describe(get("rebuilt"), `Rebuilt face: ${values}`);
    describe(get("level0"), `The levels as they are used: ${values}`);
  }

  const later = lazily(draw);
  for (let k = 0; k < n; k++)
    get(`scale${k}`).addEventListener("input", () => {
      showValue(root, `scale${k}`);
      later();
    });
  get("other").addEventListener("change", later);
  get("reset").addEventListener("click", () => {
    for (let k = 0; k < n; k++) {
      get(`scale${k}`).value = 1;
      showValue(root, `scale${k}`);
    }
    get("other").value = "-1";
    later();
  });
  draw();
  root.gancourse = { pyramid, reconstruct };
});
