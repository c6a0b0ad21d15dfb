"use strict";

const compareTexts = new Intl.Collator("en", { numeric: true }).compare;

function sortKey(cell) {
  if (cell.classList.contains("undefined")) return null;
  return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent;
}

// What is undefined is last in both directions, and rows that tie stay as they are.
function sortBy(table, place, sign) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => [sortKey(row.cells[place]), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "number" ? a - b : compareTexts(a, b));
  });
  body.append(...rows.map(([, row]) => row));
}

for (const heading of document.querySelectorAll("th")) {
  heading.querySelector("button").addEventListener("click", () => {
    const ascending = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of heading.parentNode.cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    sortBy(heading.closest("table"), heading.cellIndex, ascending ? 1 : -1);
  });
}

for (const filters of document.querySelectorAll(".filters")) {
  const rows = Array.from(filters.parentNode.querySelectorAll("tbody tr"));
  const choices = Array.from(filters.querySelectorAll("select"));
  const show = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = choices.some(
        (choice) =>
          choice.value !== "" && row.cells[choice.dataset.column].textContent !== choice.value,
      );
      shown += !row.hidden;
    }
    filters.querySelector(".count").textContent = `${shown} of ${rows.length} rows`;
  };
  for (const choice of choices) choice.addEventListener("change", show);
  filters.hidden = false;
  show();
}

// A table that is cut at its right edge says so: a cell cut in half can read as another number.
for (const scroll of document.querySelectorAll(".scroll")) {
  const cue = scroll.previousElementSibling;
  const [count, unit] = cue.querySelectorAll("span");
  const headings = Array.from(scroll.querySelectorAll("th"));
  const look = () => {
    const edge = scroll.getBoundingClientRect().right;
    const cut = headings.filter((each) => each.getBoundingClientRect().right > edge + 1).length;
    scroll.classList.toggle("more", cut > 0);
    cue.hidden = scroll.scrollWidth <= scroll.clientWidth + 1;
    cue.style.visibility = cut > 0 ? "visible" : "hidden";
    count.textContent = cut;
    unit.textContent = cut === 1 ? "column" : "columns";
  };
  scroll.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(scroll);
}

// The figure itself goes into the dialog and back, so that no identifier is there twice.
const large = document.getElementById("large");
const stage = large.querySelector(".stage");
let home = null;
for (const button of document.querySelectorAll(".enlarge")) {
  button.addEventListener("click", () => {
    home = button;
    button.style.minHeight = `${button.offsetHeight}px`;
    stage.append(button.firstElementChild);
    large.showModal();
  });
}
large.addEventListener("close", () => {
  home.append(stage.firstElementChild);
  home.style.minHeight = "";
});
large.addEventListener("click", (event) => {
  if (event.target === large) large.close();
});

const opened = [];
window.addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details:not([open], .raw)")) {
    each.open = true;
    opened.push(each);
  }
});
window.addEventListener("afterprint", () => {
  for (const each of opened.splice(0)) each.open = false;
});
