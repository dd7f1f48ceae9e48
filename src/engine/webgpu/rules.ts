import { type Tensors, decayed, trained } from '../../core/network/index.ts';
import type { UpdateRule } from '../engine.ts';
import { type Rules, gradientOf } from '../rules.ts';
import type { ParameterStore } from '../store.ts';
import { storageBuffer } from './buffers.ts';
import { allocated } from './faults.ts';
import { elementwiseGrid, groupsFor } from './kernel.ts';
import { PENALTIES, inverseNorms, quantise, ruledUpdate, squareSums } from './kernels/rules/kernel.ts';
import { sgd } from './kernels/sgd/kernel.ts';
import { type ArenaLayout, type Slice, pack, unpack } from './layout.ts';
import type { Pipelines } from './pipelines.ts';
import { ELEMENTWISE_COST } from './plan/context.ts';
import type { Arenas } from './plan/plan.ts';
import { type Dispatch, type PlanStorage, Recorder } from './plan/recorder.ts';
import type { Submitter } from './submitter.ts';

/** Arenas that hold one array of every rule that has it, laid out as the parameters are. */
const ARRAYS = {
  mask: (rule: UpdateRule) => rule.mask,
  gradientMask: (rule: UpdateRule) => rule.gradientMask,
  penalty: (rule: UpdateRule) => gradientOf(rule.penalty),
} as const;
type ArrayName = keyof typeof ARRAYS;

/** What an update reads and writes; `gradients` is as the trainer's plan has it. */
export type RuledArenas = Arenas & { readonly gradients: GPUBuffer };

/** Buffers that the rules in force need; null where none needs it. */
interface RuleBuffers extends Readonly<Record<ArrayName, GPUBuffer | null>> {
  /** Weights in full precision where a rule quantises; the parameter arena has what the network computes with. */
  readonly precise: GPUBuffer | null;
  /** Of one group lasso at a time: sums of squares by part, and one over each channel's norm. */
  readonly partials: GPUBuffer | null;
  readonly norms: GPUBuffer | null;
}

/** Neighbours in the arena that one dispatch updates: those without a rule, or under rules with equal numbers. */
interface Segment {
  readonly first: Slice;
  readonly rule: UpdateRule | null;
  readonly key: string;
  /** In floats. */
  readonly start: number;
  readonly end: number;
}

/** Most parts in which the squares of a channel are summed, and rows that a part should have. */
const MOST_PARTS = 64;
const ROWS_PER_PART = 32;

/** The update phase under rules, for one layout of the arenas. Without rules a plan's own update runs instead. */
export class RuledUpdate {
  /** Takes the place of the plan's update. */
  readonly update: readonly Dispatch[];
  readonly #quantise: readonly Dispatch[];
  readonly #storage: PlanStorage;

  private constructor(
    readonly pipelines: Pipelines,
    readonly rules: Rules,
    readonly layout: ArenaLayout,
    readonly arenas: RuledArenas,
    readonly buffers: RuleBuffers,
  ) {
    const segments = segmentsOf(layout, rules);
    const recorder = new Recorder();
    for (const segment of segments) {
      if (segment.rule) this.#recordRuled(recorder, segment, segment.rule);
      else this.#recordPlain(recorder, segment);
    }
    const quantiseAt = recorder.length;
    for (const segment of segments) this.#recordQuantise(recorder, segment);
    const { dispatches, storage } = recorder.build(pipelines);
    this.update = dispatches;
    this.#quantise = dispatches.slice(quantiseAt);
    this.#storage = storage;
  }

  /** Compiles what rules need, makes room for their arrays and fills it. */
  static async open(
    pipelines: Pipelines,
    rules: Rules,
    store: ParameterStore,
    layout: ArenaLayout,
    arenas: RuledArenas,
  ): Promise<RuledUpdate> {
    const { device } = pipelines;
    await pipelines.prepare([sgd, ruledUpdate, squareSums, inverseNorms, quantise]);
    const buffers = await allocated(device, () => makeBuffers(device, rules, layout), release);
    for (const name of Object.keys(ARRAYS) as ArrayName[]) {
      const buffer = buffers[name];
      if (!buffer) continue;
      const full = [...rules].flatMap(([tensor, rule]) => {
        const values = ARRAYS[name](rule);
        return values ? [[tensor, values] as const] : [];
      });
      device.queue.writeBuffer(buffer, 0, pack(layout, store.gather(new Map(full)), 'trained'));
    }
    return new RuledUpdate(pipelines, rules, layout, arenas, buffers);
  }

  get bytes(): number {
    const { uniforms, tables } = this.#storage;
    return [...owned(this.buffers), uniforms, tables].reduce((sum, { size }) => sum + size, 0);
  }

  /** Call after the parameter arena was filled with full precision: puts the quantised weights in their place. */
  async seed(store: ParameterStore, submitter: Submitter): Promise<void> {
    const { precise } = this.buffers;
    if (!precise) return;
    const values = store.gather(new Map([...store.parameters].filter(([name]) => this.#quantises(name))));
    this.pipelines.device.queue.writeBuffer(precise, 0, pack(this.layout, values, 'trained'));
    await submitter.run([{ dispatches: this.#quantise, stepOffset: 0 }]);
  }

  /** The quantised tensors in full precision, cut out of what `buffers.precise` holds. */
  unpackPrecise(arena: Float32Array): Tensors {
    return new Map([...unpack(this.layout, arena, 'trained')].filter(([name]) => this.#quantises(name)));
  }

  #quantises(name: string): boolean {
    return this.rules.get(name)?.quantiser !== undefined;
  }

  dispose(): void {
    release(this.buffers);
    this.#storage.uniforms.destroy();
    this.#storage.tables.destroy();
  }

  #recordPlain(recorder: Recorder, { start, end }: Segment): void {
    const { arenas, layout } = this;
    const size = (end - start) / 4;
    const decayEnd = Math.min(Math.max(layout.decayEnd - start, 0), end - start) / 4;
    recorder.record(
      sgd,
      {
        gradient: range(arenas.gradients, start, end),
        parameters: range(arenas.parameters, start, end),
        velocity: range(arenas.velocity, start, end),
      },
      { size, decayEnd },
      elementwiseGrid(size),
      size * ELEMENTWISE_COST * 2,
    );
  }

  #recordRuled(recorder: Recorder, segment: Segment, rule: UpdateRule): void {
    const { arenas, buffers } = this;
    const { start, end, first } = segment;
    const size = (end - start) / 4;
    const vectors = first.width / 4;
    const gradient = range(arenas.gradients, start, end);
    // What a rule does not have is not read; the binding has to be something that is not written.
    const read = (name: ArrayName): GPUBufferBinding => {
      const buffer = ARRAYS[name](rule) && buffers[name];
      return buffer ? range(buffer, start, end) : gradient;
    };
    const weights = range((rule.quantiser && buffers.precise) ?? arenas.parameters, start, end);
    const { penalty } = rule;
    if (penalty?.kind === 'groupLasso') this.#recordNorms(recorder, first, weights);
    recorder.record(
      ruledUpdate,
      {
        gradient,
        weights,
        velocity: range(arenas.velocity, start, end),
        mask: read('mask'),
        gradientMask: read('gradientMask'),
        penaltyGradient: read('penalty'),
        inverseNorms: penalty?.kind === 'groupLasso' && buffers.norms ? { buffer: buffers.norms } : gradient,
      },
      {
        size,
        vectors,
        masked: Number(rule.mask !== undefined),
        gradientMasked: Number(rule.gradientMask !== undefined),
        penalty: PENALTIES[penalty?.kind ?? 'none'],
        strength: bits(penalty && penalty.kind !== 'gradient' ? penalty.strength : 0),
        thresholded: Number(rule.proximal !== undefined),
        threshold: bits(rule.proximal ?? 0),
        rateScale: bits(rule.learningRateScale ?? 1),
        ownMomentum: Number(rule.momentum !== undefined),
        momentum: bits(rule.momentum ?? 0),
        ownDecay: Number(rule.weightDecay !== undefined),
        decay: bits(rule.weightDecay ?? 0),
        decayed: Number(decayed(first.spec.role)),
      },
      elementwiseGrid(size),
      size * ELEMENTWISE_COST * 3,
    );
  }

  #recordNorms(recorder: Recorder, slice: Slice, weights: GPUBufferBinding): void {
    const { partials, norms } = this.buffers;
    if (!partials || !norms) throw new Error('rules: a group lasso has no room for its norms');
    const { rows, vectors, parts } = lassoShape(slice);
    recorder.record(
      squareSums,
      { weights, partials: { buffer: partials } },
      { rows, vectors, parts },
      [groupsFor(parts * vectors), 1, 1],
      rows * vectors * ELEMENTWISE_COST,
    );
    recorder.record(
      inverseNorms,
      { partials: { buffer: partials }, norms: { buffer: norms } },
      { vectors, parts },
      [groupsFor(vectors), 1, 1],
      parts * vectors * ELEMENTWISE_COST,
    );
  }

  #recordQuantise(recorder: Recorder, { start, end, rule }: Segment): void {
    const { precise } = this.buffers;
    if (!rule?.quantiser || !precise) return;
    const size = (end - start) / 4;
    recorder.record(
      quantise,
      { full: range(precise, start, end), parameters: range(this.arenas.parameters, start, end) },
      { size, unit: bits(rule.quantiser.step), levels: bits(rule.quantiser.levels) },
      elementwiseGrid(size),
      size * ELEMENTWISE_COST,
    );
  }
}

/** Cuts the arena of trained tensors into as few segments as the rules allow. */
function segmentsOf(layout: ArenaLayout, rules: Rules): readonly Segment[] {
  const slices = [...layout.slices.values()]
    .filter(({ spec }) => trained(spec.role))
    .toSorted((a, b) => a.offset - b.offset);
  const segments: Segment[] = [];
  slices.forEach((slice, index) => {
    const rule = rules.get(slice.spec.name) ?? null;
    const key = rule ? keyOf(slice, rule) : '';
    const end = slices[index + 1]?.offset ?? layout.trainedSize;
    const last = segments.at(-1);
    if (last?.key === key) segments[segments.length - 1] = { ...last, end };
    else segments.push({ first: slice, rule, key, start: slice.offset, end });
  });
  return segments;
}

/** Equal for tensors that one dispatch can update: all numbers equal, arrays present or not. A group lasso stands alone. */
function keyOf({ spec }: Slice, rule: UpdateRule): string {
  const { kind } = rule.penalty ?? { kind: null };
  return JSON.stringify({
    ...rule,
    mask: rule.mask !== undefined,
    gradientMask: rule.gradientMask !== undefined,
    penalty: kind === 'gradient' ? kind : rule.penalty,
    decayed: decayed(spec.role),
    alone: kind === 'groupLasso' ? spec.name : null,
  });
}

function makeBuffers(device: GPUDevice, rules: Rules, layout: ArenaLayout): RuleBuffers {
  const all = [...rules.values()];
  const make = (label: string, floats: number): GPUBuffer | null =>
    floats > 0 ? storageBuffer(device, label, floats * 4) : null;
  const arena = (label: string, needed: boolean): GPUBuffer | null => make(label, needed ? layout.trainedSize : 0);
  const lassos = [...rules]
    .filter(([, { penalty }]) => penalty?.kind === 'groupLasso')
    .flatMap(([name]) => layout.slices.get(name) ?? [])
    .map(lassoShape);
  return {
    mask: arena('rules: masks', all.some(ARRAYS.mask)),
    gradientMask: arena('rules: gradient masks', all.some(ARRAYS.gradientMask)),
    penalty: arena('rules: penalties', all.some(ARRAYS.penalty)),
    precise: arena(
      'rules: full precision',
      all.some(({ quantiser }) => quantiser),
    ),
    partials: make('rules: sums of squares', Math.max(0, ...lassos.map(({ vectors, parts }) => parts * vectors * 4))),
    norms: make('rules: norms', Math.max(0, ...lassos.map(({ vectors }) => vectors * 4))),
  };
}

/** How the squares of a tensor are summed. */
function lassoShape({ size, width }: Slice): { rows: number; vectors: number; parts: number } {
  const rows = size / width;
  return { rows, vectors: width / 4, parts: Math.min(MOST_PARTS, Math.ceil(rows / ROWS_PER_PART)) };
}

const owned = (buffers: RuleBuffers): GPUBuffer[] =>
  Object.values<GPUBuffer | null>({ ...buffers }).filter((buffer) => buffer !== null);

function release(buffers: RuleBuffers): void {
  for (const buffer of owned(buffers)) buffer.destroy();
}

/** Binding of floats `start` to `end` of an arena. */
const range = (buffer: GPUBuffer, start: number, end: number): GPUBufferBinding => ({
  buffer,
  offset: start * 4,
  size: (end - start) * 4,
});

/** A float as the shape uniform carries it. */
const bits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
