"use strict";
// A page inside a page of the book: dark where that is, and as high there as it is.

/** Tell the book how high this page is, and draw again when it turns dark or light. */
function connectBook(draw) {
  window.matchMedia("(prefers-color-scheme: dark)").onchange = draw;
  if (window.self === window.top) return;
  document.documentElement.classList.add("embedded");
  window.onmessage = ({ data }) => {
    if (!["light", "dark"].includes(data?.theme)) return;
    document.documentElement.dataset.theme = data.theme;
    draw();
  };
  const tellHeight = () => window.parent.postMessage({ height: document.body.offsetHeight }, "*");
  new ResizeObserver(tellHeight).observe(document.body);
}
