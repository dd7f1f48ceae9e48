/** Hands a file to the user. Its name must be one that every system takes (`fileName` of src/export). */
export function download(name: string, content: BlobPart, type = 'application/octet-stream'): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then; an address that is never revoked keeps the file in memory.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
