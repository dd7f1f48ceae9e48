import * as v from 'valibot';
import type { Device } from './device.ts';
import { type Candidates, KERNEL_VERSION, isAmong } from './tuner.ts';
import { type ByLineClass, type Tuning, byLineClassSchema, gradientSizesSchema, lineSizesSchema } from './tuning.ts';

const DATABASE = 'espalier-tuner';
const STORE = 'choices';
/** Some browsers never answer in private windows; opening the engine must not wait for them. */
const PATIENCE_MILLISECONDS = 500;

/** What is remembered of a tuning: what was measured. */
export type Choices = Pick<Tuning, keyof Candidates>;

const choicesSchema = v.object({
  lines: byLineClassSchema(lineSizesSchema),
  kernelGradient: byLineClassSchema(gradientSizesSchema),
});

/** Choices hold for an adapter under one major version of a browser (its compiler) and one version of the kernels. */
export function cacheKey({ info, features }: Pick<Device, 'info' | 'features'>): string {
  const agent = typeof navigator === 'undefined' ? '' : (navigator.userAgent ?? '');
  const browser = /(?:Firefox|Edg|Chrome|Version)\/\d+/.exec(agent)?.[0] ?? agent;
  const { vendor, architecture, device, description } = info;
  return JSON.stringify([vendor, architecture, device, description, [...features].sort(), browser, KERNEL_VERSION]);
}

/** The choices remembered under a key; null when there are none, when they are not among the candidates, or on any error. */
export async function rememberedChoices(key: string, candidates: ByLineClass<Candidates>): Promise<Choices | null> {
  const found = await attempt('readonly', (store) => store.get(key));
  const choices = v.safeParse(choicesSchema, found);
  return choices.success && isAmong(choices.output, candidates) ? choices.output : null;
}

/** Remembers choices where it can; private windows and Node forget them. */
export async function rememberChoices(key: string, { lines, kernelGradient }: Choices): Promise<void> {
  await attempt('readwrite', (store) => store.put({ lines, kernelGradient }, key));
}

/** One request in a transaction of its own; null on any error. */
async function attempt(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  if (typeof indexedDB === 'undefined') return null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), PATIENCE_MILLISECONDS);
  });
  try {
    return await Promise.race([inStore(mode, act), late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

async function inStore(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    return await settled<unknown>(act(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

const settled = <Result>(request: IDBRequest<Result>): Promise<Result> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the database refused'));
  });
