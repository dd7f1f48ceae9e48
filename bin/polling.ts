/** Milliseconds that a wait is polled for without a pause, so that short ones end at once. */
const EAGER = 0.2;
/** Milliseconds between two polls of a longer wait, and the time after which the next poll belongs to another wait. */
const PAUSE = 1;
const APART = 5;

/**
 * While anything is waited for, Dawn for Node asks again and again by `setImmediate`, which keeps a whole core busy: on a
 * software driver a core that should compute (plain5 on two cores with lavapipe trains 1.6 times as fast without). From now
 * on its longer waits pause between two polls. Dawn looks the function up at each poll, so replacing the global is enough;
 * its callbacks are known by being native.
 */
export function pollGently(): void {
  const immediately = globalThis.setImmediate;
  let began = -Infinity;
  let last = -Infinity;
  const poll = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    if (!isNative(callback)) return immediately(callback, ...args);
    const now = performance.now();
    if (now - last > APART) began = now;
    last = now;
    return now - began < EAGER ? immediately(callback, ...args) : setTimeout(callback, PAUSE, ...args);
  };
  globalThis.setImmediate = Object.assign(poll, immediately) as typeof setImmediate;
}

const isNative = (callback: unknown): boolean =>
  /\[native code\]\s*\}$/.test(Function.prototype.toString.call(callback));
