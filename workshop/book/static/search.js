// Excerpts of the search come from the text of a page, without the buttons that the theme puts
// around it. Sphinx's own reads all of the main element.
if (typeof Search !== "undefined") {
  Search.htmlToText = (source, anchor) => {
    const page = new DOMParser().parseFromString(source, "text/html");
    const whole = page.querySelector("article") || page.body;
    const text = (anchor && whole.querySelector(anchor)) || whole;
    text.querySelectorAll(".headerlink, script, style").forEach((element) => element.remove());
    return text.textContent.replace(/\s+/g, " ");
  };
}
