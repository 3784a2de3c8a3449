// Hands the reader a file that the page already holds.
export function saveFile(name: string, text: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], {type}));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken its copy by the time the next task runs.
  window.setTimeout(() => URL.revokeObjectURL(address), 1000);
}
