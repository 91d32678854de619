"use strict";
// Texts come from peers: they are only ever set as textContent.
const cases = JSON.parse(document.getElementById("data").textContent);
const tiles = [...document.querySelectorAll(".tiles button")];
const dialog = document.querySelector("dialog");
const filter = document.querySelector(".filter");
const search = filter.querySelector("input");
const tier = filter.querySelector("select");
const chips = [...filter.querySelectorAll("button")];
const texts = cases.map((one) => [one.case, one.title, one.rule, one.expected, one.observed, one.ledger].join("\n").toLowerCase());
let current = -1;

function apply() {
  const shown = new Set(chips.filter((chip) => chip.ariaPressed === "true").map((chip) => chip.dataset.verdict));
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const tile of tiles) {
    const index = Number(tile.dataset.index);
    const one = cases[index];
    tile.hidden = !(shown.has(one.verdict) && (!tier.value || one.tier === tier.value) &&
      words.every((word) => texts[index].includes(word)));
  }
  for (const block of document.querySelectorAll("section.row, section.rfc")) {
    block.hidden = !block.querySelector(".tiles button:not([hidden])");
  }
  document.querySelector(".none").hidden = tiles.some((tile) => !tile.hidden);
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// The rule, in which each "RFC 6455 §5.2" is a link.
function rule(text) {
  const made = element("p");
  let rest = 0;
  for (const found of text.matchAll(/RFC (\d{1,5}) §(\d+(?:\.\d+)*)/g)) {
    made.append(text.slice(rest, found.index));
    const link = element("a", found[0]);
    link.href = `https://www.rfc-editor.org/rfc/rfc${found[1]}#section-${found[2]}`;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    made.append(link);
    rest = found.index + found[0].length;
  }
  made.append(text.slice(rest));
  return made;
}

// Sixteen bytes a line, or eight on a narrow screen: offset, hex digits, and characters.
function dump(segments, length) {
  const made = element("pre");
  const width = innerWidth < 640 ? 8 : 16;
  let offset = 0;
  segments.forEach((hex, number) => {
    if (segments.length > 1) made.append(element("span", `— segment ${number + 1}\n`, "cut"));
    for (let at = 0; at < hex.length; at += 2 * width) {
      const bytes = hex.slice(at, at + 2 * width).match(/../g);
      const digits = bytes.map((byte, place) => byte + (place === 7 && width > 8 ? " " : "")).join(" ").padEnd(width * 3);
      const characters = bytes.map((byte) => {
        const value = parseInt(byte, 16);
        return value > 31 && value < 127 ? String.fromCharCode(value) : "·";
      });
      made.append(element("span", offset.toString(16).padStart(4, "0") + "  ", "at"), `${digits}  ${characters.join("")}\n`);
      offset += bytes.length;
    }
  });
  if (offset < length) made.append(element("span", `… ${length - offset} more bytes`, "at"));
  if (!length) made.append(element("span", "nothing", "at"));
  return made;
}

function show(index) {
  const one = cases[index];
  tiles.forEach((tile) => tile.classList.toggle("open", Number(tile.dataset.index) === index));
  current = index;
  const body = dialog.querySelector(".detail");
  const sign = dialog.querySelector(".sign");
  const of = tiles.find((tile) => Number(tile.dataset.index) === index);
  sign.className = `sign ${one.verdict}`;
  sign.dataset.sign = of.dataset.sign;
  dialog.querySelector("header b").textContent = one.case;
  const facts = element("ul", undefined, "facts");
  const said = [one.word, `tier: ${one.tier}`, `ledger: ${one.ledger}`];
  if (one.cuts) said.push(`${one.cuts} ${one.cuts === 1 ? "cut" : "cuts"} tried, shown: ${one.cut}`, `${one.millis} ms`);
  if (one.known) said.push(`expected to fail: ${one.known}`);
  facts.append(...said.map((fact) => element("li", fact)));
  const pair = element("div", undefined, "pair");
  for (const [name, text, kind] of [["Expected", one.expected, ""], [one.verdict === "not-asked" ? "Why not" : "Came", one.observed, one.verdict]]) {
    const box = element("div", undefined, kind);
    box.append(element("h3", name), element("p", text || "—", "peer"));
    pair.append(box);
  }
  body.replaceChildren(element("h2", one.title), facts, element("h3", "Rule"), rule(one.rule), pair);
  if (one.sent_len) body.append(element("h3", `Sent by the suite, ${one.sent_len} bytes`), dump(one.sent, one.sent_len));
  if (one.received_len) {
    body.append(element("h3", `Received from the implementation, ${one.received_len} bytes`), dump([one.received], one.received_len));
  }
  const command = element("div", undefined, "command");
  const copy = element("button", "Copy", "copy");
  copy.onclick = () => navigator.clipboard?.writeText(one.again).then(() => { copy.textContent = "Copied"; });
  command.append(element("pre", one.again), copy);
  body.append(element("h3", "Run it again"), command);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  history.replaceState(null, "", "#" + one.case);
}

function step(by) {
  const shown = tiles.filter((tile) => !tile.hidden).map((tile) => Number(tile.dataset.index));
  const place = shown.indexOf(current);
  const next = shown[place + by];
  if (next !== undefined) show(next);
}

document.querySelector("main").addEventListener("click", (event) => {
  const tile = event.target.closest(".tiles button");
  if (tile) show(Number(tile.dataset.index));
});
filter.addEventListener("input", apply);
filter.addEventListener("click", (event) => {
  const chip = event.target.closest("button");
  if (!chip) return;
  chip.ariaPressed = String(chip.ariaPressed !== "true");
  apply();
});
dialog.addEventListener("click", (event) => {
  const by = event.target.closest("[data-step]");
  if (by) step(Number(by.dataset.step));
  else if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
});
dialog.addEventListener("close", () => {
  tiles.forEach((tile) => tile.classList.remove("open"));
  history.replaceState(null, "", location.pathname + location.search);
});
document.addEventListener("keydown", (event) => {
  if (dialog.open && event.key === "ArrowRight") step(1);
  if (dialog.open && event.key === "ArrowLeft") step(-1);
});
const named = cases.findIndex((one) => "#" + one.case === decodeURIComponent(location.hash));
if (named >= 0) show(named);
apply();
