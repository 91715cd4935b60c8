// @ts-check
/** The one live region: screen readers hear what happened, never tokens. */

const GATHER = 400; // milliseconds: what happens together is said together
/** @type {string[]} */
let waiting = [];

/** @param {string} text one short sentence */
export function announce(text) {
  waiting.push(text);
  if (waiting.length === 1) setTimeout(speak, GATHER);
}

function speak() {
  const region = document.getElementById("announcer");
  if (region) region.textContent = waiting.map((text) => text.replace(/\.$/, "")).join(". ");
  waiting = [];
}
