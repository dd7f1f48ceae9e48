import { type Network, type Tensors, denseStructure, initialParameters } from '../core/network/index.ts';
import type { Decision, SchemeRun } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import { type BatchOrder, batchOrder } from '../data/order.ts';
import type { Engine, EngineData, Trainer } from '../engine/engine.ts';
import type { DataPool } from './data-pool.ts';
import type { Preparing } from './errand.ts';
import { type Feeder, type FeederListener, layoutOf } from './feeder.ts';
import type { RunPlan } from './plan.ts';
import { type PreparationPlace, ScoringPreparation } from './preparation.ts';

/** The parts of a run that live on an engine (not owned). */
export interface RunParts {
  readonly engine: Engine;
  readonly data: EngineData;
  readonly cifar: Cifar10;
  readonly feeder: Feeder;
  readonly order: BatchOrder;
  readonly trainer: Trainer;
  /** What the scheme starts with. */
  readonly start: Decision;
  /** Gives the images back, which other runs may use too. */
  release(): void;
}

/** Where the parts live: an engine (not owned), and images that other runs may share. */
export interface Place {
  readonly engine: Engine;
  readonly cifar: Cifar10;
  readonly pool: DataPool;
  readonly listener: FeederListener;
  readonly preparing: Preparing;
}

/**
 * Makes a run's parts at step 0: initial parameters as the scheme changes them, its starting structure, the trainer.
 * The feeder is not started. `resumed`: a checkpoint will take the place of all that the scheme would start with. Throws a
 * sentence, having released everything, when the engine or the data set cannot serve the spec or the run is closed.
 */
export async function openParts(
  spec: Spec,
  plan: RunPlan,
  { engine, cifar, pool, listener, preparing }: Place,
  resumed: boolean,
): Promise<RunParts> {
  const { seed } = spec;
  const { batchSize, augment, labelSmoothing, storage } = spec.train;
  const { network, scheme } = plan;
  const { turn } = preparing;
  const layout = layoutOf(spec.data);
  const { data, feeder, release } = await turn(() => pool.open(engine, cifar, spec.data, listener));
  try {
    const order = batchOrder({ seed, train: layout.train, shardSizes: feeder.shardSizes, batchSize });
    const initial = initialParameters(network, seed);
    const parameters = new Map([...initial, ...(scheme.initialise?.(initial) ?? [])]);
    const start = resumed
      ? denseStart(network)
      : await startOf(spec, plan, parameters, { engine, data, cifar, ...preparing });
    const started = new Map([...parameters, ...(start.write ?? [])]);
    const trainer = await turn(async () => {
      const opened = await engine.open(network, start.structure, started, {
        data,
        seed,
        batchSize,
        augment: { crop: augment.includes('crop'), flip: augment.includes('flip') },
        labelSmoothing,
        storage,
        batch: (step) => order.batch(step),
      });
      await applyRules(opened, scheme).catch((error: unknown) => {
        opened.dispose();
        throw error;
      });
      return opened;
    });
    return { engine, data, cifar, feeder, order, trainer, start, release };
  } catch (error) {
    release();
    throw error;
  }
}

const denseStart = (network: Network): Decision => ({ structure: denseStructure(network), reasons: [] });

/** What the scheme starts with, given parameters; dense when it does not say. */
export async function startOf(
  spec: Spec,
  { network, scheme }: RunPlan,
  parameters: Tensors,
  place: PreparationPlace,
): Promise<Decision> {
  if (!scheme.atInit) return denseStart(network);
  const preparation = new ScoringPreparation(spec, network, place);
  try {
    return await scheme.atInit(parameters, preparation);
  } finally {
    await preparation.dispose();
  }
}

/** Has the trainer follow the update rules that the scheme has in force. */
export async function applyRules(trainer: Trainer, scheme: SchemeRun): Promise<void> {
  if (scheme.rules) await trainer.setRules(scheme.rules());
}

/** Bytes of memory that the parts hold on the engine, images shared with other runs included. */
export const bytesOf = ({ trainer, data }: RunParts): number => trainer.bytes + (data.bytes ?? 0);

/** Releases what the parts hold on the engine, which must be idle. */
export function closeParts({ trainer, release }: RunParts): void {
  trainer.dispose();
  release();
}
