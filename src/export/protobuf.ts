import { type Bytes, floatBytes, joinBytes, textBytes } from './format.ts';

/**
 * Fields of Protocol Buffers messages as bytes (protobuf.dev, "Encoding"); a message is its fields one after the other.
 */
const VARINT = 0;
const LENGTH = 2;
const FIXED32 = 5;

/** Seven bits a byte, lowest first, the high bit set on all but the last. Throws unless a whole number from 0 to 2^53. */
function varint(value: number): Bytes {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`protobuf: ${value} is not a whole number from 0`);
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.of(...bytes, rest);
}

const tag = (field: number, type: number): Bytes => varint(field * 8 + type);

export const integerField = (field: number, value: number): Bytes => joinBytes([tag(field, VARINT), varint(value)]);

export const floatField = (field: number, value: number): Bytes =>
  joinBytes([tag(field, FIXED32), floatBytes([value])]);

export const bytesField = (field: number, bytes: Bytes): Bytes =>
  joinBytes([tag(field, LENGTH), varint(bytes.length), bytes]);

export const textField = (field: number, text: string): Bytes => bytesField(field, textBytes(text));

export const messageField = (field: number, fields: readonly Bytes[]): Bytes => bytesField(field, joinBytes(fields));
