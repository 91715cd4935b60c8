// @ts-check
/** Files that go along with the question: sent to the server as soon as they are chosen. */
import { signal } from "../vendor/signals.js";
import { ApiError, post } from "./api.js";

const LARGEST = 10_000_000; // bytes, as the server takes them

/** @typedef {{name: string, size: number, image: boolean, id: string|null, error: string|null}} Attached */

export const files = signal(/** @type {Attached[]} */ ([]));

/** @param {Iterable<File>} chosen */
export async function attach(chosen) {
  for (const file of chosen) {
    const image = file.type.startsWith("image/");
    /** @type {Attached} */
    const one = { name: file.name, size: file.size, image, id: null, error: null };
    files.value = [...files.value, one];
    const done = file.size > LARGEST ? { error: "larger than 10 MB" } : await upload(file);
    files.value = files.value.map((other) => (other === one ? { ...one, ...done } : other));
  }
}

/** @param {number} index */
export function detach(index) {
  files.value = files.value.filter((_, at) => at !== index);
}

/** What a question says of them. Those that could not be sent stay behind. */
export function attached() {
  const ready = files.value.filter((file) => file.id);
  const named = (/** @type {boolean} */ image) => ready.filter((file) => file.image === image).map(({ id }) => ({ id }));
  return {
    ...(named(false).length ? { files: named(false) } : {}),
    ...(named(true).length ? { images: named(true) } : {}),
  };
}

/** @param {File} file @returns {Promise<Partial<Attached>>} */
async function upload(file) {
  try {
    const stored = await post("api/files", { name: file.name, media_type: file.type || "text/plain", data: await base64(file) });
    return { id: stored.id };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { error: error.message };
  }
}

/** @param {File} file @returns {Promise<string>} */
function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",")[1] ?? "");
    reader.onerror = () => reject(new ApiError(0, { message: `${file.name} cannot be read` }));
    reader.readAsDataURL(file);
  });
}
