// @ts-check
/** When each call of an old turn spoke its first word: the events do not keep that, the calls' records do. */
import { may } from "./access.js";
import { get } from "./api.js";
import { sessionPath } from "./router.js";

/** Complete what the timeline shows; without the records it shows whole bars. @param {import("./run.js").Run} run */
export async function loadFirstWords(run) {
  const open = [...run.calls.values()].filter((call) => call.reply.value?.call_id && call.first.value === null);
  if (!open.length || !may("read")) return;
  const session = await get(`api${sessionPath(run.id)}`);
  const records = new Map(session.call_records.map((/** @type {any} */ record) => [record.id, record]));
  for (const call of open) {
    const seconds = records.get(call.reply.value.call_id)?.first_token;
    if (typeof seconds === "number") call.first.value = call.started + seconds * 1000;
  }
}
