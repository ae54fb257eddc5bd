// onnxruntime-web (Microsoft, MIT licence) from the page's own files. The build puts its module and its WebAssembly into PACKED, in base64.
(() => {
  const PACKED = {};

  // Bytes of a text in base64 that were compressed by gzip.
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // Started once for all figures of a page; after a failure the next one tries again.
  let ort = null;
  const started = () => (ort ??= start().catch((error) => {
    ort = null;
    throw error;
  }));

  async function start() {
    // Both in memory: from a folder on disk a browser fetches neither modules nor WebAssembly.
    const ort = await import(`data:text/javascript;base64,${PACKED.module}`);
    ort.env.wasm.wasmBinary = await unpacked(PACKED.wasm);
    ort.env.wasm.numThreads = 1; // more need headers that a folder on disk doesn't send
    ort.env.logLevel = "error";
    return ort;
  }

  (window.gancourseLive ??= {}).runtime = { unpacked, started };
})();
