import { beforeAll, expect, test, vi } from 'vitest';
import type { RunEvent } from '../../src/core/events/events.ts';
import { withoutUndone } from '../../src/core/events/undone.ts';
import type { Cifar10 } from '../../src/data/cifar10.ts';
import { httpSource, openCifar10 } from '../../src/data/cifar10.ts';
import { type Engine, OutOfMemoryError } from '../../src/engine/engine.ts';
import { WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { Run } from '../../src/lab/run.ts';
import { rememberShards } from '../../src/lab/shard-memory.ts';
import { smallSpec, smallTraining, timeless } from '../../src/lab/testing.ts';
import { differing } from './harness.ts';

/** Real devices that are lost, and real engines that are told there is no memory. */
const spec = smallSpec({
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 1_100, test: 64, holdOut: 100 },
  train: smallTraining({ steps: 40, batchSize: 20, evaluateEvery: 20, augment: ['crop', 'flip'], nesterov: true }),
  scheme: { ...smallSpec().scheme, every: 6, until: 24 },
});

let cifar: Cifar10;
beforeAll(async () => {
  cifar = rememberShards(await openCifar10(httpSource(new URL('/data/', location.href).href)));
});

const told = (events: readonly RunEvent[]) =>
  timeless(withoutUndone(events).filter(({ kind }) => kind !== 'recovered' && kind !== 'finish'));

/** Trains the spec; `disturb` is called with each event and the engine in use. */
async function trained(disturb: (event: RunEvent, engine: WebGpuEngine, run: Run) => void = () => undefined) {
  const events: RunEvent[] = [];
  const engines = [await openWebGpuEngine()];
  const latest = (): WebGpuEngine => engines.at(-1) as WebGpuEngine;
  const run = new Run(spec, {
    onEvent(event) {
      events.push(event);
      disturb(event, latest(), run);
    },
  });
  const reopen = async (failed: Engine): Promise<Engine> => {
    failed.dispose();
    engines.push(await openWebGpuEngine());
    return latest();
  };
  await run.open(latest(), cifar, { reopen });
  await run.advance('decision');
  await run.run();
  const parameters = run.phase === 'done' ? (await run.checkpoint()).trainer : null;
  const { phase } = run;
  await run.dispose();
  latest().dispose();
  return { events, phase, parameters, engines };
}

test('a run whose device is lost twice ends bit-equal to an undisturbed one', async () => {
  const undisturbed = await trained();
  expect(undisturbed.phase).toBe('done');
  const losses = new Set([9, 31]);
  const lost = await trained((event, engine) => {
    // Not by the engine's own dispose: as if somebody else had destroyed the device.
    if (event.kind === 'step' && losses.delete(event.step)) engine.device.device.destroy();
  });
  expect(lost.phase).toBe('done');
  expect(lost.engines.length).toBe(3);
  const recovered = lost.events.filter((event) => event.kind === 'recovered');
  expect(recovered.length).toBe(2);
  expect(recovered[0]).toMatchObject({ adapter: { backend: 'webgpu' } });
  expect(recovered[0]?.step).toBeGreaterThanOrEqual(6);
  expect(told(lost.events)).toEqual(told(undisturbed.events));
  if (!lost.parameters || !undisturbed.parameters) throw new Error('not finished');
  expect(lost.parameters.structure).toEqual(undisturbed.parameters.structure);
  expect(differing(lost.parameters.parameters, undisturbed.parameters.parameters)).toEqual([]);
  expect(differing(lost.parameters.momentum, undisturbed.parameters.momentum)).toEqual([]);
});

test('our own dispose is no loss', async () => {
  const engine = await openWebGpuEngine();
  const heard = vi.fn();
  void engine.lost.then(heard);
  engine.dispose();
  await engine.device.device.lost;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(heard).not.toHaveBeenCalled();
});

test('memory that runs out while a trainer is opened is an OutOfMemoryError; a smaller run then opens', async () => {
  const engine = await openWebGpuEngine();
  const { device } = engine.device;
  const pop = vi.spyOn(device, 'popErrorScope');
  // Scopes are popped memory first: the data set passes, the trainer does not.
  pop.mockResolvedValueOnce(null).mockResolvedValueOnce(null).mockResolvedValueOnce(new GPUOutOfMemoryError(''));
  const events: RunEvent[] = [];
  const run = new Run(spec, { onEvent: (event) => events.push(event) });
  await run.open(engine, cifar);
  expect(events.find(({ kind }) => kind === 'batchHalved')).toMatchObject({ step: 0, from: 20, to: 10 });
  await run.advance('step');
  expect(events.at(-1)).toMatchObject({ kind: 'step', step: 1 });
  expect(run.bytes).toBeGreaterThan(1_164 * 3_072);
  await run.dispose();
  engine.dispose();
});

test('an error that no scope caught fails the next read-back', async () => {
  const engine = await openWebGpuEngine();
  const { device } = engine.device;
  const run = new Run(spec, { onEvent: () => undefined });
  await run.open(engine, cifar);
  device.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error: new GPUOutOfMemoryError('') }));
  const { readBuffer, storageBuffer } = await import('../../src/engine/webgpu/buffers.ts');
  const buffer = storageBuffer(device, 'test', 16);
  await expect(readBuffer(device, buffer, 16)).rejects.toThrow(OutOfMemoryError);
  // A real one: larger than the adapter allows, past the check of `storageBuffer`.
  device.createBuffer({ size: device.limits.maxBufferSize * 2, usage: 0x80 });
  await expect(readBuffer(device, buffer, 16)).rejects.toThrow(/refused a command/);
  expect((await readBuffer(device, buffer, 16)).byteLength).toBe(16);
  await run.dispose();
  engine.dispose();
});
