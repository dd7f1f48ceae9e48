import { expect, test } from 'vitest';
import { openEngine } from './engines.ts';

const noAdapter = () => Promise.reject(new Error('There is no adapter.'));

test('without an adapter the slower engine is opened, with the reason', async () => {
  const { engine, reason } = await openEngine({ gpu: noAdapter });
  expect(engine.info.backend).toBe('tfjs');
  expect(reason).toBe('There is no adapter. Training on the slower TensorFlow.js engine instead.');
});

test('what was asked for is opened or refused, never replaced', async () => {
  await expect(openEngine({ backend: 'webgpu', gpu: noAdapter })).rejects.toThrow('There is no adapter.');
  const { engine, reason } = await openEngine({ backend: 'tfjs' });
  expect([engine.info.backend, reason]).toEqual(['tfjs', undefined]);
});
