// The tables of the experiments: a click on a column's head sorts by it, a second one turns it round.
function number(text) {
  const value = parseFloat(text.replaceAll(",", ""));
  return Number.isNaN(value) ? text : value;
}

function sort(table, column, descending) {
  const value = (row) => number(row.cells[column].textContent);
  const body = table.tBodies[0];
  const order = (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
  const rows = [...body.rows].sort((a, b) => (descending ? order(b, a) : order(a, b)));
  body.append(...rows);
}

for (const table of document.querySelectorAll("#experiments table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sort(table, column, descending);
    });
  });
}
