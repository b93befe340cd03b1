/** Handing a file to the person. */

/** Saves bytes under a name. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Saves a text under a name. */
export function saveText(text, name) {
  save(new Blob([text], { type: "text/plain" }), name);
}
