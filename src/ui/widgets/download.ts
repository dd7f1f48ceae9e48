/** Hands a text to the user as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name.replaceAll(/[^\w.() -]+/g, '_');
  link.click();
  // The download has begun by then; an address that is never revoked keeps the text in memory.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
