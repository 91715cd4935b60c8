// @ts-check
/** Confidence, with what it means: a share of seats is no probability, and is not passed off as one. */
import { percent } from "../lib/format.js";

/**
 * @param {any} result @param {number} seats on the panel
 * @returns {{figure: string, caption: string, meaning: string}}
 */
export function confidence(result, seats) {
  const spared = result.provider_responses.filter((/** @type {any} */ one) => one.status === "skipped").length;
  const asked = seats - spared;
  if (result.confidence === null) {
    return {
      figure: "?",
      caption: "confidence",
      meaning:
        "No confidence is given: the seats came to no short conclusion, and nobody could group what they said. A figure would be made up.",
    };
  }
  const figure = percent(result.confidence);
  if (result.calibration === "calibrated") {
    const of100 = Math.round(result.confidence * 100);
    return {
      figure,
      caption: "confidence",
      meaning: `Calibrated: of a hundred labelled answers with this much support, about ${of100} were right.`,
    };
  }
  const behind = Math.round(result.confidence * asked);
  const share = result.conclusion === null ? "stand behind the leading position" : "came to this, each on its own";
  return {
    figure,
    caption: "of the seats",
    meaning: `${behind} of the ${asked} seats that were asked ${share}. That is a share of seats, not a probability: it is not calibrated on labelled answers yet.`,
  };
}
