import * as v from 'valibot';
import { CHOICES, GRANULARITIES } from '../sparsity/report.ts';
import { LONGEST_NAME, MOST_STEPS, WIDEST_LAYER } from '../spec/schema.ts';

/**
 * What the fields of an event may be, each by itself; what they must be together, and with the network, `EventCheck` says.
 * Every object has exactly its keys: those that an event of `events.ts` has.
 */

/** No count, MACs and milliseconds included, is ever larger. */
const LARGEST = 1e18;
/** The longest message, and the longest sentence that gives a reason. */
const LONGEST_MESSAGE = 10_000;
const LONGEST_REASON = 2_000;
/** Layers of a network, candidates of a search and the like. */
const MOST_ENTRIES = 10_000;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const step = v.pipe(count, v.maxValue(MOST_STEPS));
const finite = v.pipe(v.number(), v.minValue(-LARGEST), v.maxValue(LARGEST));
const positive = v.pipe(v.number(), v.minValue(0), v.maxValue(LARGEST));
/** A loss that exploded is not finite. Valibot's `number` takes no NaN. */
const measured = v.custom<number>((value) => typeof value === 'number', 'a number');
const share = v.pipe(
  measured,
  v.check((value) => !(value < 0 || value > 1), 'a number from 0 to 1'),
);
const width = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(WIDEST_LAYER));
const index = v.pipe(count, v.maxValue(WIDEST_LAYER - 1));

/** What turns the writing round or moves a cursor; lines may end. */
const UNWANTED = /[^\P{Cc}\n\r\t]|\p{Bidi_Control}/u;
const text = (longest: number) =>
  v.pipe(
    v.string(),
    v.maxLength(longest),
    v.check((value) => !UNWANTED.test(value), 'a text without control characters'),
  );
const message = text(LONGEST_MESSAGE);
const layer = text(100);
const list = <const Item extends v.GenericSchema>(item: Item, most = MOST_ENTRIES) =>
  v.pipe(v.array(item), v.maxLength(most));

const adapter = v.strictObject({
  backend: v.picklist(['webgpu', 'tfjs']),
  vendor: text(500),
  architecture: text(500),
  description: text(500),
});
const widths = v.record(layer, width);
const latency = v.strictObject({ batch: count, median: positive, p95: positive, n: count });
const structure = v.strictObject({
  channels: v.record(layer, list(index, WIDEST_LAYER)),
  taps: v.exactOptional(v.record(layer, v.strictObject({ stride: index, offsets: list(index, WIDEST_LAYER) }))),
});

const reason = v.strictObject({
  layer,
  channel: index,
  fate: v.picklist(['kept', 'pruned', 'regrown', 'off']),
  score: v.exactOptional(measured),
  rank: v.exactOptional(count),
  of: v.exactOptional(count),
  globalRank: v.exactOptional(count),
  globalOf: v.exactOptional(count),
  threshold: v.exactOptional(measured),
  tied: v.exactOptional(list(layer, 1_000)),
  probability: v.exactOptional(measured),
  text: text(LONGEST_REASON),
});
// As many as there are channels, which the check counts.
const reasons = v.array(reason);

const densityReport = v.strictObject({
  source: v.picklist(['synexp', 'synflow', 'snip', 'grasp', 'magnitude', 'random', 'erk', 'uniform']),
  removes: v.picklist(['channels', 'weights']),
  layers: list(v.strictObject({ layer, weights: count, macs: count, density: finite, kept: count })),
  passes: v.exactOptional(list(list(finite))),
});

const searchRound = v.strictObject({
  round: count,
  scores: list(finite),
  weights: list(finite),
  parents: list(list(count, 2)),
  best: finite,
  bestIndex: v.nullable(count),
  effectiveSampleSize: finite,
});
const keptOf = v.strictObject({ dense: count, kept: count });
const lowered = v.strictObject({ outputs: count, rows: count, positions: count, macs: count });
const stageLayer = v.strictObject({
  layer,
  eligible: v.boolean(),
  weights: keptOf,
  macs: keptOf,
  lowered: v.nullable(v.strictObject({ dense: lowered, kept: lowered })),
  kernels: v.exactOptional(v.strictObject({ count, bits: v.string() })),
  free: v.exactOptional(v.strictObject({ stride: index, offsets: v.array(index) })),
  quantiser: v.exactOptional(v.strictObject({ bits: v.pipe(count, v.maxValue(64)), step: positive })),
});
const stageReport = v.strictObject({
  index: count,
  granularity: v.picklist([...GRANULARITIES, 'bits']),
  chosen: v.nullable(
    v.strictObject({
      choose: v.picklist(CHOICES),
      images: count,
      accuracy: share,
      evaluations: count,
      rounds: v.nullable(list(searchRound)),
      magnitude: share,
      bestOfN: v.nullable(v.strictObject({ accuracy: share, evaluations: count })),
    }),
  ),
  units: v.nullable(v.strictObject({ units: count, pruned: count })),
  shares: v.strictObject({ weights: finite, macs: finite, parameters: finite }),
  layers: list(stageLayer),
  structure,
  storage: v.strictObject({ dense: positive, compact: positive, quantised: v.nullable(positive) }),
});

const setting = { learningRate: v.exactOptional(positive), weightDecay: v.exactOptional(positive) };
const name = v.pipe(text(LONGEST_NAME), v.minLength(1));
const channelEntries = { step, layer, channels: list(index, WIDEST_LAYER), width, reasons };

export const eventSchema = v.variant('kind', [
  v.strictObject({
    kind: v.literal('step'),
    step,
    epoch: positive,
    trainLoss: measured,
    trainAccuracy: share,
    learningRate: positive,
    milliseconds: positive,
  }),
  v.strictObject({ kind: v.literal('evaluate'), step, testLoss: measured, testAccuracy: share, images: count }),
  v.strictObject({
    kind: v.literal('start'),
    step: v.literal(0),
    spec: v.unknown(),
    steps: step,
    stepsPerEpoch: step,
    adapter,
    dense: v.strictObject({ macs: count, parameters: count, widths }),
    prunable: list(layer),
    widths: v.exactOptional(widths),
    parent: v.exactOptional(v.strictObject({ name, step })),
  }),
  v.strictObject({ kind: v.literal('densities'), step, report: densityReport }),
  v.strictObject({ kind: v.literal('prune'), ...channelEntries }),
  v.strictObject({ kind: v.literal('regrow'), ...channelEntries }),
  v.strictObject({ kind: v.literal('crop'), ...channelEntries }),
  v.strictObject({
    kind: v.literal('structure'),
    step,
    structure,
    widths,
    macs: count,
    parameters: count,
    reasons,
    milliseconds: positive,
    by: v.exactOptional(v.literal('hand')),
  }),
  v.strictObject({
    kind: v.literal('stage'),
    step,
    report: stageReport,
    accuracy: v.strictObject({ before: share, masked: share, recalibrated: v.nullable(share), images: count }),
    latencyMs: v.strictObject({ before: latency, after: latency }),
  }),
  v.strictObject({ kind: v.literal('note'), step, message }),
  v.strictObject({ kind: v.literal('fork'), step, message }),
  v.strictObject({ kind: v.literal('setting'), step, ...setting, from: v.strictObject(setting), message }),
  v.strictObject({ kind: v.literal('recovered'), step, from: step, adapter, message }),
  v.strictObject({
    kind: v.literal('batchHalved'),
    step,
    from: count,
    to: v.pipe(count, v.minValue(1)),
    steps: step,
    stepsPerEpoch: step,
    message,
  }),
  v.strictObject({ kind: v.literal('diverged'), step, message }),
  v.strictObject({ kind: v.literal('error'), step, message }),
  v.strictObject({ kind: v.literal('finish'), step, latencyMs: list(latency, 1_000), imagesPerSecond: positive }),
]);

export type CheckedEvent = v.InferOutput<typeof eventSchema>;
