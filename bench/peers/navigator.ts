/**
 * Gives Node what peers look for in a page or a worker. Nothing else of a browser is there: they train all the same.
 */
export function lendNavigator(gpu: GPU): void {
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(globalThis, name, { value, configurable: true });
  };
  define('navigator', { gpu, userAgent: 'Node', hardwareConcurrency: 1 });
  define('WorkerGlobalScope', function WorkerGlobalScope() {});
}
