import {
  type Network,
  type Structure,
  checkStructure,
  denseStructure,
  initialParameters,
} from '../core/network/index.ts';
import type { Answer, Asking, Question, QuestionKind, Questions } from '../core/questions/questions.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Trainer } from '../engine/engine.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import { Errand, type Preparing } from './errand.ts';
import { type RunParts, applyRules } from './parts.ts';
import type { RunPlan } from './plan.ts';
import { type Subject, measureSpeeds } from './speeds.ts';
import { testImages } from './test-images.ts';

/** A run that stands between two steps whenever it is somebody else's turn. */
export interface AnswerPlace extends Preparing {
  readonly spec: Spec;
  readonly plan: RunPlan;
  readonly parts: RunParts;
  /** A kept checkpoint of a step. */
  readonly snapshotAt: (step: number) => RunCheckpoint | undefined;
}

type Answerers = {
  readonly [Kind in QuestionKind]: (
    question: Questions[Kind]['question'],
    place: AnswerPlace,
    errand: Errand,
    asking: Asking,
  ) => Promise<Questions[Kind]['answer']>;
};

/**
 * Answers a question about a run. Rejects with a sentence when it cannot be answered, the run is closed, its device is
 * lost or the question is taken back.
 */
export async function answer<Kind extends QuestionKind>(
  question: Question<Kind>,
  place: AnswerPlace,
  asking: Asking = {},
): Promise<Answer<Kind>> {
  const errand = new Errand({ ...place, onProgress: () => undefined, engine: place.parts.engine });
  const leave = (): void => errand.end(new Error('The question was taken back.'));
  asking.signal?.addEventListener('abort', leave);
  if (asking.signal?.aborted) leave();
  try {
    // The kind of the answer follows from the kind of the question, which the compiler cannot see through the table.
    const answerer = ANSWERERS[question.kind] as unknown as (
      ...given: [Question<Kind>, AnswerPlace, Errand, Asking]
    ) => Promise<Answer<Kind>>;
    return await answerer(question, place, errand, asking);
  } finally {
    asking.signal?.removeEventListener('abort', leave);
    await errand.dispose();
  }
}

const ANSWERERS: Answerers = {
  async measure({ structures, batches, training = true }, place, errand, { onProgress }) {
    const { spec, plan, parts } = place;
    const { batchSize } = spec.train;
    for (const structure of structures) if (structure !== 'dense') checkStructure(plan.network, structure);
    if (structures.length === 0) throw new Error('There is no structure to measure.');
    await errand.unlessEnded(() => parts.feeder.need('train', parts.order.needs(0)));
    const trainers = new Map<Network, Trainer>();
    const subjects: Subject[] = [];
    for (const asked of structures) {
      // What some schemes run is not the model that the spec names with channels left out.
      const network = asked === 'dense' ? plan.model : plan.network;
      const structure = asked === 'dense' ? denseStructure(network) : asked;
      const trainer =
        trainers.get(network) ?? (await errand.turn(() => openBeside(place, structure, batchSize, network)));
      if (!trainers.has(network)) errand.own(trainer);
      trainers.set(network, trainer);
      subjects.push({ trainer, structure });
    }
    const turn = <T>(work: () => Promise<T>): Promise<T> => errand.turn(work);
    const speeds = await measureSpeeds(subjects, { batches, batchSize: training ? batchSize : null, turn, onProgress });
    return { speeds, batchSize, adapter: parts.engine.info.adapter.description };
  },

  tensors: ({ at, names }, place, errand) =>
    withTrainer(place, errand, at, async (trainer) => ({ ...standing(trainer), tensors: await trainer.read(names) })),

  activations: ({ at, pixels, nodes }, place, errand) =>
    withTrainer(place, errand, at, async (trainer) => {
      requireImages(pixels);
      const labels = new Uint8Array(pixels.length / IMAGE_BYTES);
      const activations = await trainer.activations({ inputs: { pixels, labels }, nodes, batchNorm: 'running' });
      return { ...standing(trainer), activations };
    }),

  predict: ({ at, pixels }, place, errand) =>
    withTrainer(place, errand, at, async (trainer) => {
      requireImages(pixels);
      return { ...standing(trainer), logits: await trainer.predict(pixels) };
    }),

  async predictions({ at }, place, errand, { onProgress }) {
    const { test } = place.spec.data;
    const { pixels, labels } = await errand.unlessEnded(() => testImages(place.parts.cifar, test, firstOf(test)));
    // In one turn: the parameters of a moving run must not change between two images.
    return withTrainer(place, errand, at, async (trainer) => {
      const parts: Float32Array[] = [];
      for (let first = 0; first < test; first += IMAGES_A_CALL) {
        if (errand.ended) throw errand.ended;
        parts.push(await trainer.predict(pixels.subarray(first * IMAGE_BYTES, (first + IMAGES_A_CALL) * IMAGE_BYTES)));
        onProgress?.(Math.min(first + IMAGES_A_CALL, test), test);
      }
      return { ...standing(trainer), logits: joined(parts), labels };
    });
  },

  async testImages({ indices }, { spec, parts }, errand) {
    const { pixels, labels } = await errand.unlessEnded(() => testImages(parts.cifar, spec.data.test, indices));
    return { pixels: new Uint8Array(pixels), labels };
  },

  model: ({ at }, place, errand) =>
    withTrainer(place, errand, at, async (trainer) => {
      const rules = place.plan.scheme.rules?.() ?? new Map();
      const quantisers = new Map(
        [...rules].flatMap(([name, { quantiser }]) => (quantiser ? [[name, quantiser] as const] : [])),
      );
      return { ...standing(trainer), network: place.plan.network, tensors: await trainer.read(), quantisers };
    }),
};

const IMAGE_BYTES = 3_072;
/** As many as one call to the engine predicts; the engine cuts them into batches of its own. */
const IMAGES_A_CALL = 500;

const firstOf = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

const standing = ({ step, structure }: Trainer) => ({ step, structure });

/** Does one turn's work with the run's trainer, or with one that stands where a checkpoint does. */
async function withTrainer<T>(
  place: AnswerPlace,
  errand: Errand,
  at: number | undefined,
  work: (trainer: Trainer) => Promise<T>,
): Promise<T> {
  if (at === undefined) return errand.turn(() => work(place.parts.trainer));
  const checkpoint = place.snapshotAt(at);
  if (!checkpoint) throw new Error(`Step ${at} has no checkpoint any more. Choose a marked step.`);
  return errand.turn(async () => {
    const trainer = await openBeside(place, checkpoint.trainer.structure);
    errand.own(trainer);
    await trainer.restore(checkpoint.trainer);
    return work(trainer);
  });
}

/** A trainer beside the run's own, of its network or its model, with initial parameters. */
async function openBeside(
  { spec, plan, parts }: AnswerPlace,
  structure: Structure,
  batchSize = 1,
  network = plan.network,
): Promise<Trainer> {
  const { augment, labelSmoothing, storage } = spec.train;
  const trainer = await parts.engine.open(network, structure, initialParameters(network, spec.seed), {
    data: parts.data,
    seed: spec.seed,
    batchSize,
    augment: { crop: augment.includes('crop'), flip: augment.includes('flip') },
    labelSmoothing,
    storage,
    batch: batchSize === 1 ? () => new Uint32Array(1) : () => parts.order.batch(0),
  });
  // They are of the run's network.
  if (network !== plan.network) return trainer;
  await applyRules(trainer, plan.scheme).catch((error: unknown) => {
    trainer.dispose();
    throw error;
  });
  return trainer;
}

function requireImages(pixels: Uint8Array): void {
  if (pixels.length === 0 || pixels.length % IMAGE_BYTES !== 0) {
    throw new Error(`Images take ${IMAGE_BYTES} bytes each; ${pixels.length} bytes are no whole images.`);
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
