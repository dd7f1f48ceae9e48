/** How long an adapter may stay silent. Generous: on a software adapter one submit can take many seconds. */
export const SILENCE_MILLISECONDS = 60_000;
/** The silence is counted in this many parts, so that one late timer (a laptop that slept) is not taken for all of it. */
const PARTS = 12;

/** How often each device has answered so far. */
const answers = new WeakMap<GPUDevice, number>();

/**
 * Waits for something that a device does; rejects with a sentence when the device has answered nothing at all, to
 * nobody, for `silence` milliseconds.
 */
export async function answered<Result>(
  device: GPUDevice,
  waiting: Promise<Result>,
  silence = SILENCE_MILLISECONDS,
): Promise<Result> {
  let timer: ReturnType<typeof setInterval> | undefined;
  const silent = new Promise<never>((_, reject) => {
    let heard = answers.get(device);
    let parts = 0;
    timer = setInterval(() => {
      const now = answers.get(device);
      parts = now === heard ? parts + 1 : 0;
      heard = now;
      if (parts < PARTS) return;
      reject(
        new Error(
          `The graphics adapter has not answered for ${Math.max(1, Math.round(silence / 1_000))} s. Reload the page; if it happens again, use a smaller batch (train.batchSize) or update the driver.`,
        ),
      );
    }, silence / PARTS);
  });
  try {
    const result = await Promise.race([waiting, silent]);
    answers.set(device, (answers.get(device) ?? 0) + 1);
    return result;
  } finally {
    clearInterval(timer);
  }
}
