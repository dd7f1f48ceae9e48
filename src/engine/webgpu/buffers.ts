import { OutOfMemoryError, type StorageType } from '../engine.ts';
import { answered } from './deadline.ts';
import { throwUnseen } from './faults.ts';
import { ZERO_VEC4S, storedBytes } from './kernel.ts';

/** GPUBufferUsage bits, spelled out because the global is missing in Node. */
export const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 } as const;

/**
 * Makes a zeroed storage buffer that can be copied from and to. Throws an OutOfMemoryError when it is larger than any
 * buffer of the adapter.
 */
export function storageBuffer(device: GPUDevice, label: string, bytes: number): GPUBuffer {
  const limit = Math.min(device.limits.maxBufferSize, device.limits.maxStorageBufferBindingSize);
  if (bytes > limit) {
    const megabytes = (value: number): string => `${Math.round(value / 2 ** 20)} MB`;
    throw new OutOfMemoryError(
      `This needs a buffer of ${megabytes(bytes)} (${label}); the adapter allows ${megabytes(limit)}.`,
    );
  }
  return device.createBuffer({
    label,
    size: Math.max(16, Math.ceil(bytes / 16) * 16),
    usage: USAGE.storage | USAGE.copySource | USAGE.copyTarget,
  });
}

/** Binding of an activation from its first value on. */
export const values = (buffer: GPUBuffer, storage: StorageType): GPUBufferBinding => ({
  buffer,
  offset: ZERO_VEC4S * storedBytes(storage),
});

/** Binding of an activation with the zero region before it, for kernels that read padding. */
export const withZeros = (buffer: GPUBuffer): GPUBufferBinding => ({ buffer });

/**
 * Copies a range of a buffer to the host. Rejects when the device is lost, with a sentence when it stays silent (see
 * `answered`) or has reported an error before, and never leaves its staging buffer behind.
 */
export async function readBuffer(
  device: GPUDevice,
  buffer: GPUBuffer,
  bytes: number,
  offset = 0,
  silence?: number,
): Promise<ArrayBuffer> {
  const staging = device.createBuffer({ label: 'staging', size: bytes, usage: USAGE.mapRead | USAGE.copyTarget });
  try {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
    device.queue.submit([encoder.finish()]);
    await answered(device, staging.mapAsync(0x1), silence);
    throwUnseen(device);
    return staging.getMappedRange().slice(0);
  } catch (error) {
    // What made the mapping fail says more than its failure.
    throwUnseen(device);
    throw error;
  } finally {
    staging.destroy();
  }
}
