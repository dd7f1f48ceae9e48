import { expect, test } from 'vitest';
import { OutOfMemoryError } from '../engine.ts';
import { SharedMemory } from './shared-memory.ts';

/** The memory of a device that allows 1,000 bytes a buffer, and the sizes of its buffers that are not destroyed. */
function opened(): { memory: SharedMemory; alive: () => number[] } {
  const alive = new Set<{ size: number }>();
  const device = {
    limits: { maxBufferSize: 1_000, maxStorageBufferBindingSize: 1_000 },
    createBuffer({ size }: { size: number }) {
      const buffer = { size, destroy: () => alive.delete(buffer) };
      alive.add(buffer);
      return buffer;
    },
  };
  const memory = new SharedMemory(device as unknown as GPUDevice);
  return { memory, alive: () => [...alive].map(({ size }) => size) };
}

const sizes = (entries: Record<string, number>): ReadonlyMap<string, number> => new Map(Object.entries(entries));

test('leases share the buffer of a name when it is large enough, and the last to leave frees it', () => {
  const { memory, alive } = opened();
  const large = memory.lease(sizes({ a: 320, b: 160 }));
  const small = memory.lease(sizes({ a: 160, c: 80 }));
  expect(small.buffer('a')).toBe(large.buffer('a'));
  expect(alive()).toEqual([320, 160, 80]);
  expect(memory.bytes).toBe(560);
  large.dispose();
  large.dispose();
  expect(alive()).toEqual([320, 80]);
  small.dispose();
  expect(alive()).toEqual([]);
  expect(memory.bytes).toBe(0);
});

test('a larger buffer is for those who come later; who leases again moves to it', () => {
  const { memory, alive } = opened();
  const first = memory.lease(sizes({ a: 160 }));
  expect(first.outgrown).toBe(false);
  const second = memory.lease(sizes({ a: 320 }));
  expect(first.outgrown).toBe(true);
  expect(second.outgrown).toBe(false);
  const third = memory.lease(sizes({ a: 16 }));
  expect(third.buffer('a')).toBe(second.buffer('a'));
  first.dispose();
  expect(alive()).toEqual([320]);
});

test('when the larger buffer is gone, the smaller one is shared again', () => {
  const { memory, alive } = opened();
  const first = memory.lease(sizes({ a: 160 }));
  memory.lease(sizes({ a: 320 })).dispose();
  expect(first.outgrown).toBe(false);
  expect(memory.lease(sizes({ a: 160 })).buffer('a')).toBe(first.buffer('a'));
  expect(alive()).toEqual([160]);
});

test('a lease with a buffer that is too large takes nothing', () => {
  const { memory, alive } = opened();
  expect(() => memory.lease(sizes({ a: 320, b: 1_001 }))).toThrow(OutOfMemoryError);
  expect(alive()).toEqual([]);
});

test('calls run one at a time and in order, after failed ones too', async () => {
  const { memory } = opened();
  const told: string[] = [];
  const call = (name: string) => async (): Promise<string> => {
    told.push(`${name} starts`);
    await Promise.resolve();
    told.push(`${name} ends`);
    if (name === 'second') throw new Error('it failed');
    return name;
  };
  const calls = ['first', 'second', 'third'].map((name) => memory.inTurn(call(name)));
  expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(told).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} starts`, `${name} ends`]));
});
