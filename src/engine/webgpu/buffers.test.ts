import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OutOfMemoryError } from '../engine.ts';
import { readBuffer, storageBuffer } from './buffers.ts';
import { SILENCE_MILLISECONDS, answered } from './deadline.ts';
import { allocated, throwUnseen, watchErrors } from './faults.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

class GPUOutOfMemoryError {
  message = '';
}
class GPUValidationError {
  message = 'Buffer is too large.';
}

/** A device whose read-backs are answered by `map`. */
function fakeDevice(map: () => Promise<void> = () => Promise.resolve()) {
  const destroyed: string[] = [];
  const scopes: unknown[] = [];
  const device = Object.assign(new EventTarget(), {
    limits: { maxBufferSize: 1_000, maxStorageBufferBindingSize: 500 },
    queue: { submit: () => undefined },
    createCommandEncoder: () => ({ copyBufferToBuffer: () => undefined, finish: () => null }),
    createBuffer: ({ label, size }: { label: string; size: number }) => ({
      size,
      mapAsync: map,
      getMappedRange: () => new ArrayBuffer(size),
      destroy: () => destroyed.push(label),
    }),
    pushErrorScope: () => undefined,
    popErrorScope: async () => scopes.shift() ?? null,
  });
  const fail = (error: object): void =>
    void device.dispatchEvent(Object.assign(new Event('uncapturederror'), { error }));
  return { device: device as unknown as GPUDevice, destroyed, scopes, fail };
}

const never = (): Promise<never> => new Promise(() => undefined);
const buffer = {} as GPUBuffer;

describe('a read-back', () => {
  test('that is answered leaves neither its staging buffer nor a timer behind', async () => {
    const { device, destroyed } = fakeDevice();
    expect((await readBuffer(device, buffer, 16)).byteLength).toBe(16);
    expect(destroyed).toEqual(['staging']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that is not answered within a minute fails with a sentence', async () => {
    const { device, destroyed } = fakeDevice(never);
    const reading = readBuffer(device, buffer, 16);
    const outcome = expect(reading).rejects.toThrow(/not answered for 60 s\. Reload the page/);
    await vi.advanceTimersByTimeAsync(SILENCE_MILLISECONDS - 1);
    expect(destroyed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await outcome;
    expect(destroyed).toEqual(['staging']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('waits on as long as the device answers something to somebody', async () => {
    const { device } = fakeDevice();
    let settled = false;
    const outcome = expect(answered(device, never()).finally(() => (settled = true))).rejects.toThrow(/not answered/);
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(30_000);
      await readBuffer(device, buffer, 16);
    }
    expect(settled).toBe(false);
    await vi.advanceTimersByTimeAsync(SILENCE_MILLISECONDS + 5_000);
    await outcome;
  });

  test('of a lost device fails, cleaned up', async () => {
    const { device, destroyed } = fakeDevice(() => Promise.reject(new Error('AbortError')));
    await expect(readBuffer(device, buffer, 16)).rejects.toThrow('AbortError');
    expect([destroyed, vi.getTimerCount()]).toEqual([['staging'], 0]);
  });

  test('never hands out what came of a failed allocation or a refused command; each is told once', async () => {
    const { device, fail, destroyed } = fakeDevice();
    watchErrors(device);
    fail(new GPUOutOfMemoryError());
    fail(new GPUValidationError());
    await expect(readBuffer(device, buffer, 16)).rejects.toThrow(OutOfMemoryError);
    await readBuffer(device, buffer, 16);
    fail(new GPUValidationError());
    await expect(readBuffer(device, buffer, 16)).rejects.toThrow(/refused a command \(Buffer is too large\.\)/);
    expect(destroyed.length).toBe(3);
    expect(() => throwUnseen(device)).not.toThrow();
  });

  test('whose mapping failed for lack of memory says so', async () => {
    const fake = fakeDevice(() => Promise.reject(new Error('OperationError')));
    watchErrors(fake.device);
    fake.fail(new GPUOutOfMemoryError());
    await expect(readBuffer(fake.device, buffer, 16)).rejects.toThrow(OutOfMemoryError);
  });
});

describe('big allocations', () => {
  test('that fit are handed out; memory that runs out and refusals are told, and what was made is released', async () => {
    const { device, scopes } = fakeDevice();
    const released: string[] = [];
    const made = () =>
      allocated(
        device,
        () => 'arena',
        (name) => released.push(name),
      );
    expect(await made()).toBe('arena');
    // The innermost scope, popped first, is that of memory.
    scopes.push(new GPUOutOfMemoryError(), null);
    await expect(made()).rejects.toThrow(OutOfMemoryError);
    scopes.push(null, new GPUValidationError());
    await expect(made()).rejects.toThrow(/too large/);
    expect(released).toEqual(['arena', 'arena']);
    const broken = allocated(
      device,
      () => {
        throw new Error('no');
      },
      () => undefined,
    );
    await expect(broken).rejects.toThrow('no');
  });

  test('larger than any buffer of the adapter count as memory that ran out', () => {
    const { device } = fakeDevice();
    expect(() => storageBuffer(device, 'activations', 600)).toThrow(OutOfMemoryError);
    expect(storageBuffer(device, 'small', 20).size).toBe(32);
  });
});
