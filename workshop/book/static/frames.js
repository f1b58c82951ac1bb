// A page that plays, inside a page of the book: as high as it is, and dark where the book is.
addEventListener("message", ({ source, data }) => {
  for (const frame of document.querySelectorAll("iframe.play")) {
    if (frame.contentWindow !== source || !(data?.height > 0)) continue;
    frame.style.height = `${data.height}px`;
    frame.contentWindow.postMessage({ theme: document.documentElement.dataset.theme }, "*");
  }
});
new MutationObserver(() => {
  for (const frame of document.querySelectorAll("iframe.play")) {
    frame.contentWindow.postMessage({ theme: document.documentElement.dataset.theme }, "*");
  }
}).observe(document.documentElement, { attributeFilter: ["data-theme"] });
