/** SHA-256 of bytes, in hexadecimal. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Bytes that stand in a buffer of their own: storing a view would store all of the buffer that it looks at. */
export const ownBytes = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();

/** Bytes as read from storage; null when they are something else or not those of the digest. */
export async function checkedBytes(value: unknown, sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
  if (!(value instanceof Uint8Array) || !(value.buffer instanceof ArrayBuffer)) return null;
  const bytes = value as Uint8Array<ArrayBuffer>;
  return (await sha256Of(bytes)) === sha256 ? bytes : null;
}
