// @ts-check
/** An answer as Markdown for the clipboard: the text, then in a few lines what it is worth and who says otherwise. */
import { money, percent } from "./format.js";

/** @type {Record<string, string>} */
const AGREEMENT = { agree: "The panel agrees", disagree: "The panel disagrees", cannot_tell: "Agreement cannot be told" };

/** @param {any} result of a run */
export function asMarkdown(result) {
  const facts = [
    AGREEMENT[result.agreement] ?? AGREEMENT.cannot_tell,
    result.confidence === null ? "confidence not measured" : `confidence ${percent(result.confidence)} (${result.calibration})`,
    money(result.total_cost),
  ];
  const groups = result.groups.map((/** @type {any} */ group) => `- **${group.conclusion}**: ${group.members.join(", ")}`);
  const points = result.points.map((/** @type {any} */ point) => `- ${point.status}: ${point.text} (${point.members.join(", ")})`);
  const dissent = result.dissent.map((/** @type {any} */ one) => `**Dissent of ${one.member}**\n\n${quoted(one.text)}`);
  const sources = (result.citations ?? []).map((/** @type {any} */ one) => `- [${(one.title || one.url).replaceAll(/[[\]]/g, "")}](<${one.url}>)`);
  const simulated = result.simulated ? "*Simulated: seats named sim/… are scripted, no language models.*" : "";
  return [result.consensus ?? "", simulated, `*${facts.join("; ")}*`, sources.join("\n"), groups.join("\n"), points.join("\n"), ...dissent]
    .filter(Boolean)
    .join("\n\n");
}

/** @param {string} text */
function quoted(text) {
  return text.split("\n").map((line) => `> ${line}`).join("\n");
}
