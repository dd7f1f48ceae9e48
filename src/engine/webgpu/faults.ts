import { OutOfMemoryError } from '../engine.ts';

/** The first error of each device that no error scope caught and nobody was told of yet. */
const unseen = new WeakMap<GPUDevice, Error>();

/** Keeps a device's errors until somebody waits for a result of it (see `throwUnseen`). */
export function watchErrors(device: GPUDevice): void {
  device.addEventListener('uncapturederror', ({ error }) => {
    if (!unseen.has(device)) unseen.set(device, errorOf(error));
  });
}

/**
 * Throws what went wrong on a device since the last call. WebGPU reports a failed allocation or a refused command only
 * on the side, while everything after it silently computes nothing; errors arrive before the results of later commands,
 * so a read-back that looks here never hands out such results.
 */
export function throwUnseen(device: GPUDevice): void {
  const error = unseen.get(device);
  unseen.delete(device);
  if (error) throw error;
}

/**
 * Makes big buffers at once; `fault` tells later what the adapter said: an OutOfMemoryError when it has no room for
 * them, a sentence when the driver refused them, null when they are there.
 */
export function scoped<Made>(device: GPUDevice, make: () => Made): { made: Made; fault: Promise<Error | null> } {
  // Pushed and popped in one go: the scopes of a device are one stack, which other allocations must not come between.
  device.pushErrorScope('validation');
  device.pushErrorScope('out-of-memory');
  // The scopes of a lost device reject; whoever waits for its loss hears of it there.
  const pop = (): Promise<GPUError | null> => device.popErrorScope().catch(() => null);
  let made: Made;
  try {
    made = make();
  } catch (error) {
    void pop();
    void pop();
    throw error;
  }
  const fault = Promise.all([pop(), pop()]).then(([memory, validation]) => {
    const error = memory ?? validation;
    return error ? errorOf(error) : null;
  });
  return { made, fault };
}

/** Makes big buffers and waits until they are there. Rejects with what `scoped` tells, the buffers then released. */
export async function allocated<Made>(
  device: GPUDevice,
  make: () => Made,
  release: (made: Made) => void,
): Promise<Made> {
  const { made, fault } = scoped(device, make);
  const error = await fault;
  if (!error) return made;
  release(made);
  throw error;
}

function errorOf(error: GPUError): Error {
  // By name: Dawn for Node has no such global until it is loaded.
  if (error.constructor.name === 'GPUOutOfMemoryError') return new OutOfMemoryError();
  return new Error(`The graphics driver refused a command (${error.message.trim()}). Reload the page to start again.`);
}
