import { playwright } from '@vitest/browser-playwright';
import { configDefaults, defineConfig } from 'vitest/config';
import { CHROMIUM_FLAGS, findChromium } from './scripts/steps/browser.mjs';
import './scripts/steps/node20.mjs';

const chromium = await findChromium();
const long = process.env['ESPALIER_LONG'] === '1';
const exclude = [...configDefaults.exclude, ...(long ? [] : ['**/*.long.*'])];

declare module 'vitest' {
  export interface ProvidedContext {
    /** Whether this is `npm run test:long`. */
    long: boolean;
  }
}

/**
 * `unit` runs in Node, and so does `e2e`, which drives the built page from there: a file at a time. Beside both goes
 * `browser`, in headless Chromium with WebGPU, which mostly waits for one core to compile. Two cores serve them all.
 */
export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.{ts,tsx}', 'tests/unit/**/*.test.ts', 'bin/**/*.test.ts'],
          exclude: [...exclude, '**/*.browser.test.ts'],
          // Browser tests run beside them.
          testTimeout: 120_000,
        },
      },
      {
        optimizeDeps: {
          include: ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu', 'valibot', 'ml-matrix', 'fast-check', 'idb'],
        },
        test: {
          name: 'browser',
          include: ['src/**/*.browser.test.ts', 'tests/conformance/**/*.browser.test.ts'],
          exclude,
          provide: { long },
          testTimeout: 300_000,
          hookTimeout: 120_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: { args: [...CHROMIUM_FLAGS], ...(chromium ? { executablePath: chromium } : {}) },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
      {
        test: {
          name: 'e2e',
          // A page on a loaded machine takes its time.
          expect: { poll: { timeout: 20_000 } },
          include: ['tests/e2e/**/*.test.ts'],
          exclude,
          globalSetup: ['tests/e2e/build.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
