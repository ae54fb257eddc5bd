// Pictures by the position of a slider.
mount((root, state) => {
  const picture = part(root, "picture"), slider = part(root, "slider");

  function show() {
    const label = state.labels[Number(slider.value)];
    picture.setAttribute("href", `data:image/png;base64,${state.frames[Number(slider.value)]}`);
    slider.setAttribute("aria-valuetext", label);
    describe(picture, `${state.picture}; ${label}`);
    report(root, label);
  }

  slider.addEventListener("input", show);
  show();
});
