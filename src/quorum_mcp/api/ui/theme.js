// @ts-check
// Before anything is painted: the colour scheme that this browser's user chose, if any.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("quorum.theme");
  } catch {
    // storage is switched off: the system's scheme it is
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
