// @ts-check
/** From the JSON schema of an operation's input to the fields of a form, and from what was typed back to an input. */

/**
 * `kind`: `text`, `long`, `number`, `flag`, `choice`, `lines` (a list, one a line) or `json`.
 * @typedef {{name: string, kind: string, options: string[], required: boolean, help: string, whole: boolean, first: string|boolean}} FormField
 */

const LONG = 2000; // characters from which on a text gets several lines

/** @param {any} schema @returns {FormField[]} what must be given comes first */
export function fieldsOf(schema) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, given]) => {
    const one = plain(given, schema.$defs ?? {});
    const kind = kindOf(one, required.has(name));
    return {
      name,
      kind,
      options: (one.enum ?? []).map(String),
      required: required.has(name),
      help: given.description ?? one.description ?? "",
      whole: one.type === "integer",
      first: kind === "flag" ? given.default === true : "",
    };
  });
  return [...fields.filter((field) => field.required), ...fields.filter((field) => !field.required)];
}

/** A field's own schema: without the null of what may be absent, and with what it refers to. @param {any} given @param {any} known */
function plain(given, known) {
  let one = given;
  if (one.anyOf) {
    const others = one.anyOf.filter((/** @type {any} */ option) => option.type !== "null");
    one = others.length === 1 ? others[0] : {};
  }
  return one.$ref ? (known[one.$ref.split("/").pop()] ?? {}) : one;
}

/** @param {any} one @param {boolean} required */
function kindOf(one, required) {
  if (one.enum) return "choice";
  if (one.type === "boolean") return required ? "json" : "flag";
  if (one.type === "integer" || one.type === "number") return "number";
  if (one.type === "array" && one.items?.type === "string") return "lines";
  if (one.type !== "string") return "json";
  return one.maxLength === undefined || one.maxLength > LONG ? "long" : "text";
}

/**
 * What was typed as an input; what was left empty is left out.
 * @param {FormField[]} fields @param {Record<string, string|boolean>} typed
 * @returns {{input: Record<string, any>, errors: Record<string, string>}}
 */
export function inputOf(fields, typed) {
  /** @type {Record<string, any>} */
  const input = {};
  /** @type {Record<string, string>} */
  const errors = {};
  for (const field of fields) {
    const value = typed[field.name] ?? field.first;
    if (field.kind === "flag") {
      if (value !== field.first) input[field.name] = value;
    } else if (String(value).trim() === "") {
      if (field.required) errors[field.name] = "This must be given.";
    } else {
      const [read, error] = parsed(field, String(value));
      if (error) errors[field.name] = error;
      else input[field.name] = read;
    }
  }
  return { input, errors };
}

/** @param {FormField} field @param {string} text @returns {[any, string]} the value, or what is wrong */
function parsed(field, text) {
  if (field.kind === "lines") return [text.split("\n").map((line) => line.trim()).filter(Boolean), ""];
  if (field.kind === "number") {
    const value = Number(text.replace(",", "."));
    if (!Number.isFinite(value)) return [null, "This is not a number."];
    if (field.whole && !Number.isInteger(value)) return [null, "This must be a whole number."];
    return [value, ""];
  }
  if (field.kind !== "json") return [text, ""];
  try {
    return [JSON.parse(text), ""];
  } catch {
    return [null, 'This is not JSON: write text in "quotes", lists in [ ], objects in { }.'];
  }
}
