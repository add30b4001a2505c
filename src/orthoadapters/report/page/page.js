"use strict";

// Sorting: a table's rows are <tbody> elements, a variant's numbers with what stands beside them.
for (const header of document.querySelectorAll("thead th")) {
  header.querySelector("button")?.addEventListener("click", () => {
    const table = header.closest("table");
    const column = header.cellIndex;
    const first = column === 0 ? "ascending" : "descending"; // the table's own order, or the best above
    const other = first === "ascending" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? other : first;
    for (const one of header.parentElement.cells) one.setAttribute("aria-sort", one === header ? order : "none");
    const value = (body) => {
      const cell = body.rows[0].cells[column];
      return parseFloat(cell.dataset.value ?? cell.textContent);
    };
    const place = (body) => Number(body.dataset.place);
    const compare = (a, b) => {
      const [x, y] = [value(a), value(b)];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || place(a) - place(b);
      return (order === "ascending" ? x - y : y - x) || place(a) - place(b);
    };
    table.tHead.after(...[...table.tBodies].sort(compare));
  });
}

// Tooltips: shown by the pointer, by focus and by a tap; Escape hides them; the pointer may rest on them.
let shown = null;
let hiding = 0;

function move() {
  if (!shown) return;
  const { button, tip } = shown;
  const at = button.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const room = document.documentElement;
  const left = Math.min(Math.max(at.right - size.width / 2 - at.width / 2, 8), room.clientWidth - size.width - 8);
  const [above, below] = [at.top - 6 - size.height, at.bottom + 6];
  const lowest = room.clientHeight - size.height - 8;
  const top = below <= lowest ? below : above >= 8 ? above : lowest; // over the number where there is no other room
  tip.style.left = `${Math.max(left, 8)}px`;
  tip.style.top = `${Math.max(top, 8)}px`;
}

function show(button) {
  clearTimeout(hiding);
  if (shown?.button === button) return;
  hide();
  const tip = document.getElementById(button.getAttribute("aria-describedby"));
  tip.hidden = false;
  shown = { button, tip };
  move();
}

function hide() {
  clearTimeout(hiding);
  if (shown) shown.tip.hidden = true;
  shown = null;
}

function numberAt(target) {
  return target instanceof Element ? target.closest(".number") : null;
}

document.addEventListener("focusin", (event) => (numberAt(event.target) ? show(numberAt(event.target)) : hide()));
document.addEventListener("focusout", hide);
document.addEventListener("click", (event) => numberAt(event.target) && show(numberAt(event.target)));
document.addEventListener("pointerover", (event) => {
  if (numberAt(event.target)) show(numberAt(event.target));
  else if (shown?.tip.contains(event.target)) clearTimeout(hiding);
  else if (shown && document.activeElement !== shown.button) {
    clearTimeout(hiding);
    hiding = setTimeout(hide, 150);
  }
});
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
document.addEventListener("scroll", move, true);
window.addEventListener("resize", move);
