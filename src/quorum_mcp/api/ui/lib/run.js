// @ts-check
/** A session as its events tell it: turns, seats, calls. Each part is a signal, so only what changed is drawn. */
import { batch, signal } from "../vendor/signals.js";
import { announce } from "./announce.js";
import { shortName } from "./format.js";
import { Stream } from "./stream.js";

/** @typedef {import("./events.js").Event} Event */
/** @typedef {{index: number, member: string, model: string, provider: string, simulated: boolean, builtin: boolean}} Seat */

/** One call of a model, from its start to its reply (null while it is open). Times are milliseconds since 1970. */
export class Call {
  /** @param {any} data @param {number} started */
  constructor(data, started) {
    this.key = data.key;
    /** @type {number|null} */
    this.seat = data.seat;
    this.member = data.member;
    this.role = data.role;
    this.round = data.round;
    this.started = started;
    this.first = signal(/** @type {number|null} */ (null));
    this.ended = signal(/** @type {number|null} */ (null));
    this.reply = signal(/** @type {any} */ (null));
    this.stream = new Stream();
  }

  /** @returns {"waiting"|"streaming"|"ok"|"failed"} */
  get state() {
    if (this.reply.value) return this.reply.value.status === "ok" ? "ok" : "failed";
    return this.first.value === null ? "waiting" : "streaming";
  }
}

/** One question of the session. */
export class Turn {
  /** @param {any} data of its `run.started` @param {number} started */
  constructor(data, started) {
    this.number = data.turn ?? 1;
    this.query = data.query;
    this.mode = data.mode;
    this.simulated = data.simulated;
    /** @type {Seat[]} */
    this.seats = data.seats;
    /** @type {string[]} */
    this.warnings = data.warnings ?? [];
    this.started = started;
    this.calls = signal(/** @type {Call[]} */ ([]));
    this.rounds = signal(/** @type {{round: number, role: string, at: number}[]} */ ([]));
    this.measured = signal(/** @type {any} */ (null));
    this.result = signal(/** @type {any} */ (null));
    this.error = signal(/** @type {any} */ (null));
    this.ended = signal(/** @type {{at: number, how: "finished"|"failed"|"cancelled"}|null} */ (null));
  }

  /** The calls of a seat, in order. @param {number} index */
  of(index) {
    return this.calls.value.filter((call) => call.seat === index);
  }

  /** US dollars of the calls that have ended; unknown prices count nothing. */
  get cost() {
    return this.calls.value.reduce((sum, call) => sum + (call.reply.value?.cost ?? 0), 0);
  }
}

/** A session. `live` is false while old events are replayed, so that nothing old is announced. */
export class Run {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.seq = 0;
    this.turns = signal(/** @type {Turn[]} */ ([]));
    this.now = signal(0);
    /** Server time less ours, in milliseconds. */
    this.skew = 0;
    this.live = false;
    /** @type {Map<string, Call>} */
    this.calls = new Map();
  }

  get turn() {
    return this.turns.value[this.turns.value.length - 1] ?? null;
  }

  get running() {
    return this.turn !== null && this.turn.ended.value === null;
  }

  /** @param {Event[]} events */
  apply(events) {
    batch(() => events.forEach((event) => this.#take(event)));
  }

  /** Move the clock that running bars are drawn by. */
  tick() {
    this.now.value = Date.now() + this.skew;
  }

  /** @param {Event} event */
  #take(event) {
    this.seq = Math.max(this.seq, event.seq);
    const at = Date.parse(event.ts);
    if (Math.abs(Date.now() - at) < 3000) this.live = true;
    if (this.live) this.skew = at - Date.now();
    this.now.value = at;
    if (event.type === "run.started") {
      if (this.turns.value.some((turn) => turn.number === (event.data.turn ?? 1))) return;
      this.turns.value = [...this.turns.value, new Turn(event.data, at)];
      return;
    }
    const turn = this.turns.value.find((one) => one.number === event.data.turn) ?? this.turn;
    if (turn) (HANDLERS[event.type] ?? (() => undefined))(this, turn, event.data, at);
  }
}

/** @type {Record<string, (run: Run, turn: Turn, data: any, at: number) => void>} */
const HANDLERS = {
  "round.started": (_, turn, data, at) => {
    turn.rounds.value = [...turn.rounds.value, { round: data.round, role: data.role, at }];
  },
  "call.started": (run, turn, data, at) => {
    called(run, turn, data, at);
  },
  "call.delta": delta,
  "synthesis.delta": delta,
  "call.finished": ended,
  "call.failed": ended,
  "agreement.measured": (_, turn, data) => {
    turn.measured.value = data;
  },
  "run.finished": (run, turn, data, at) => {
    turn.result.value = data.result;
    finish(run, turn, at, "finished", "The answer is there.");
  },
  "run.failed": (run, turn, data, at) => {
    turn.error.value = data.error;
    finish(run, turn, at, "failed", `The run failed: ${data.error?.message ?? "unknown error"}`);
  },
  "run.cancelled": (run, turn, data, at) => {
    turn.error.value = data.error;
    finish(run, turn, at, "cancelled", "The run was stopped.");
  },
};

/** @param {Run} run @param {Turn} turn @param {any} data @param {number} at */
function called(run, turn, data, at) {
  const known = run.calls.get(data.key);
  if (known) return known;
  const call = new Call(data, at);
  run.calls.set(data.key, call);
  turn.calls.value = [...turn.calls.value, call];
  return call;
}

/** @param {Run} run @param {Turn} turn @param {any} data @param {number} at */
function delta(run, turn, data, at) {
  const call = called(run, turn, data, at);
  if (call.reply.value) return;
  if (call.first.value === null) call.first.value = at;
  call.stream.write(data.offset ?? 0, data.text);
}

/** @param {Run} run @param {Turn} turn @param {any} data @param {number} at */
function ended(run, turn, data, at) {
  const call = called(run, turn, data, at - (data.latency ?? 0) * 1000);
  call.stream.set(data.text ?? "");
  call.reply.value = data;
  call.ended.value = at;
  if (run.live) announce(`${shortName(call.member)} ${data.status === "ok" ? "finished" : "failed"}`);
}

/** @param {Run} run @param {Turn} turn @param {number} at @param {"finished"|"failed"|"cancelled"} how @param {string} said */
function finish(run, turn, at, how, said) {
  turn.ended.value = { at, how };
  if (run.live) announce(said);
}
