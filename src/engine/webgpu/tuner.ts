import { samePadLow } from '../../core/network/index.ts';
import { storageBuffer, values, withZeros } from './buffers.ts';
import { answered } from './deadline.ts';
import type { Device } from './device.ts';
import {
  bestGradientTile,
  bestTile,
  gradientTilesOf,
  lineGradientKernel,
  lineKernel,
  lineTilesOf,
} from './kernel-set.ts';
import { ZERO_VEC4S } from './kernel.ts';
import { lineUnitTable } from './kernels/conv-lines-kernel-gradient/kernel.ts';
import { convLinesGrid, lineTable } from './kernels/conv-lines/kernel.ts';
import { gradientTileLabel, kernelGradientGrid, splitRows, splitShape } from './kernels/conv/kernel-gradient.ts';
import { evenly } from './kernels/conv/cut.ts';
import { PLAIN_STORE, blockVectors, tileLabel } from './kernels/conv/tile.ts';
import { sumGrid, sumParts } from './kernels/sum-parts/kernel.ts';
import { AdapterClock } from './latency.ts';
import type { Pipelines } from './pipelines.ts';
import { type Geometry, forwardLines, lineShape, lineUnits } from './plan/geometry.ts';
import { type Dispatch, Recorder } from './plan/recorder.ts';
import {
  type ByLineClass,
  type GradientSizes,
  LINE_CLASSES,
  type LineClass,
  type LineSizes,
  type Tuning,
  byLineClass,
} from './tuning.ts';

/** Version of the kernels that candidates are made of: raise it when they change, so that choices are measured anew. */
export const KERNEL_VERSION = 5;

/** What may be chosen; the default comes first. */
export interface Candidates {
  readonly lines: readonly LineSizes[];
  readonly kernelGradient: readonly GradientSizes[];
}

/**
 * Candidates of an adapter by class of lines: work-group memory on GPUs only. Larger tiles than these hang the compiler of
 * lavapipe.
 */
export const candidatesOf = (software: boolean, tuning: Tuning): ByLineClass<Candidates> =>
  byLineClass((line) => candidatesFor(software, tuning, line));

function candidatesFor(software: boolean, { quads, lines, kernelGradient }: Tuning, line: LineClass): Candidates {
  const wide = [4, 2, 1];
  const usual = [2, 1];
  return software
    ? {
        lines: distinct([
          lines[line],
          { pixels: 8, vectors: usual, channels: 1, quads, shared: false, mixed: true },
          { pixels: 8, vectors: wide, channels: 1, quads, shared: false, mixed: true },
          { pixels: 8, vectors: wide, channels: 1, quads, shared: false, mixed: true, accumulators: 16 },
        ]),
        kernelGradient: distinct([
          kernelGradient[line],
          { vectors: usual, quads, shared: false },
          { vectors: wide, quads, shared: false },
        ]),
      }
    : {
        lines: distinct([
          lines[line],
          { pixels: 4, vectors: usual, channels: 4, quads, shared: true },
          { pixels: 8, vectors: [1], channels: 4, quads, shared: true },
          { pixels: 8, vectors: usual, channels: 4, quads, shared: false },
          { pixels: 8, vectors: wide, channels: 4, quads, shared: false },
          { pixels: 4, vectors: usual, channels: 4, quads: false, shared: false },
          { pixels: 8, vectors: usual, channels: 1, quads, shared: false },
        ]),
        kernelGradient: distinct([
          kernelGradient[line],
          { vectors: usual, quads, shared: true },
          { vectors: [1], quads, shared: true },
          { vectors: usual, quads, shared: false },
          { vectors: wide, quads, shared: false },
          { vectors: [1], quads, shared: false },
          { vectors: usual, quads: false, shared: false },
        ]),
      };
}

const labelOf = (choice: LineSizes | GradientSizes): string =>
  'pixels' in choice
    ? lineTilesOf(choice).map(tileLabel).join()
    : gradientTilesOf(choice).map(gradientTileLabel).join();

const sameChoice = (a: LineSizes | GradientSizes, b: LineSizes | GradientSizes): boolean => labelOf(a) === labelOf(b);

const distinct = <Choice extends LineSizes | GradientSizes>(choices: readonly Choice[]): readonly Choice[] =>
  choices.filter((choice, i) => choices.findIndex((other) => sameChoice(choice, other)) === i);

/** Whether every choice of a tuning is a candidate. */
export const isAmong = (
  { lines, kernelGradient }: Pick<Tuning, keyof Candidates>,
  candidates: ByLineClass<Candidates>,
): boolean =>
  LINE_CLASSES.every(
    (line) =>
      candidates[line].lines.some((candidate) => sameChoice(candidate, lines[line])) &&
      candidates[line].kernelGradient.some((candidate) => sameChoice(candidate, kernelGradient[line])),
  );

export interface Measurement {
  readonly line: LineClass;
  readonly kind: keyof Candidates;
  readonly choice: LineSizes | GradientSizes;
  /** Of one pass over the layer. */
  readonly milliseconds: number;
}

/** All of it, compiling included. */
const CAP_MILLISECONDS = 2_000;
/** A timing lasts about this long: browsers quantise timestamps to 0.1 ms. */
const TIMING_MILLISECONDS = 4;
const MOST_REPETITIONS = 512;
const WARM_UPS = 2;
const TIMINGS = 3;
/** A candidate that takes this many times the best one's time is not timed again. */
const HOPELESS = 2;
/** The default stays unless a candidate takes at most this share of its time: noise must not choose. */
const CLEARLY_FASTER = 0.95;

/** A layer that stands for each class of lines. */
const LAYERS = {
  long: { size: 32, channels: 16 },
  middle: { size: 16, channels: 32 },
  short: { size: 8, channels: 64 },
} as const;

/**
 * Times the candidates on a 3x3 layer of each class of lines and returns the defaults with those that are clearly faster.
 * It takes two seconds at most: what has been measured until then decides, the rest stays default. A candidate that does
 * not compile or run is passed over; nothing throws.
 */
export async function tune(
  device: Device,
  pipelines: Pipelines,
  defaults: Tuning,
  {
    cap = CAP_MILLISECONDS,
    now = () => performance.now(),
    candidates = candidatesOf(device.software, defaults),
  }: { readonly cap?: number; readonly now?: () => number; readonly candidates?: ByLineClass<Candidates> } = {},
): Promise<{ readonly tuning: Tuning; readonly measured: readonly Measurement[] }> {
  const lines = { ...defaults.lines };
  const kernelGradient = { ...defaults.kernelGradient };
  const contest = new Contest(pipelines, new Budget(cap, now));
  try {
    for (const line of LINE_CLASSES) {
      if (contest.over) break;
      const layer = new SampleLayer(pipelines.device, line, device.software ? 16 : 128, defaults);
      try {
        lines[line] = await contest.fastest(line, 'lines', candidates[line].lines, (choice) => layer.forward(choice));
        kernelGradient[line] = await contest.fastest(
          line,
          'kernelGradient',
          candidates[line].kernelGradient,
          (choice) => layer.kernelGradient(choice),
        );
      } finally {
        layer.dispose();
      }
    }
  } catch {
    // Without memory for the layers the defaults remain.
  } finally {
    contest.dispose();
  }
  return { tuning: { ...defaults, lines, kernelGradient }, measured: contest.measured };
}

class OutOfTime extends Error {}

/** The time that is left. */
class Budget {
  readonly #end: number;

  constructor(
    cap: number,
    readonly now: () => number,
  ) {
    this.#end = now() + cap;
  }

  get left(): number {
    return this.#end - this.now();
  }

  /** Rejects with OutOfTime when there is no time left, or none before `make`'s promise is settled. */
  async within<Result>(make: () => Promise<Result>): Promise<Result> {
    const { left } = this;
    if (left <= 0) throw new OutOfTime();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new OutOfTime()), left);
    });
    try {
      return await Promise.race([make(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Times candidates against each other. */
class Contest {
  readonly measured: Measurement[] = [];
  readonly #clock: AdapterClock | undefined;
  /** The latest run, which may go on when time is over. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(
    readonly pipelines: Pipelines,
    readonly budget: Budget,
  ) {
    const { device } = pipelines;
    this.#clock = device.features.has('timestamp-query') ? new AdapterClock(device) : undefined;
  }

  get over(): boolean {
    return this.budget.left <= 0;
  }

  async fastest<Choice extends LineSizes | GradientSizes>(
    line: LineClass,
    kind: keyof Candidates,
    choices: readonly Choice[],
    record: (choice: Choice) => Recorder,
  ): Promise<Choice> {
    const [standard] = choices;
    if (!standard) throw new Error('the default is a candidate');
    const runs = choices.map((choice) => ({ choice, recorder: record(choice), milliseconds: Infinity }));
    try {
      // One that does not compile fails again below, and is passed over.
      await this.budget.within(() =>
        Promise.allSettled(runs.map((run) => this.pipelines.prepare(run.recorder.kernels))),
      );
      let repetitions: number | null = null;
      for (const run of runs) {
        const best = Math.min(...runs.map(({ milliseconds }) => milliseconds));
        const timed = await this.#time(run.recorder, repetitions, best);
        if (!timed) continue;
        ({ repetitions } = timed);
        run.milliseconds = timed.milliseconds;
      }
      const [first] = runs;
      if (first && winner(runs) !== first) {
        // The adapter may have been slow to wake up: the default gets another chance.
        const again = await this.#time(first.recorder, repetitions, Infinity);
        if (again) first.milliseconds = Math.min(first.milliseconds, again.milliseconds);
      }
    } catch (error) {
      if (!(error instanceof OutOfTime)) throw error;
    }
    for (const { choice, milliseconds } of runs) {
      if (milliseconds < Infinity) this.measured.push({ line, kind, choice, milliseconds });
    }
    return winner(runs)?.choice ?? standard;
  }

  /** Milliseconds of one run, the least of some timings; null when it does not run. */
  async #time(
    recorder: Recorder,
    known: number | null,
    best: number,
  ): Promise<{ readonly milliseconds: number; readonly repetitions: number } | null> {
    let storage: ReturnType<Recorder['build']>['storage'] | undefined;
    try {
      const built = recorder.build(this.pipelines);
      ({ storage } = built);
      const run = (times: number): Promise<number> =>
        this.budget.within(() => {
          const running = this.#run(built.dispatches, times);
          this.#running = running;
          return running;
        });
      for (let i = 0; i < WARM_UPS; i++) await run(1);
      const repetitions = known ?? (await enough(run));
      const timings: number[] = [];
      while (timings.length < TIMINGS && timings.every((time) => time < HOPELESS * best)) {
        timings.push((await run(repetitions)) / repetitions);
      }
      return { milliseconds: Math.min(...timings), repetitions };
    } catch (error) {
      if (error instanceof OutOfTime) throw error;
      return null;
    } finally {
      storage?.uniforms.destroy();
      storage?.tables.destroy();
    }
  }

  /** On the adapter's own clock where it has one. */
  async #run(dispatches: readonly Dispatch[], times: number): Promise<number> {
    const { device } = this.pipelines;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass(this.#clock?.next());
    for (let i = 0; i < times; i++) {
      for (const { pipeline, group, grid } of dispatches) {
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(...grid);
      }
    }
    pass.end();
    const started = performance.now();
    device.queue.submit([encoder.finish()]);
    await answered(device, device.queue.onSubmittedWorkDone());
    const wall = performance.now() - started;
    return (await this.#clock?.milliseconds()) ?? wall;
  }

  dispose(): void {
    void Promise.allSettled([this.#running]).then(() => this.#clock?.dispose());
  }
}

/** How often the default has to run to be timed. All candidates run as often: what a submit costs weighs on all alike. */
async function enough(run: (times: number) => Promise<number>): Promise<number> {
  let times = 1;
  while (times < MOST_REPETITIONS && (await run(times)) < TIMING_MILLISECONDS) times *= 2;
  return times;
}

/** The first (the default) unless another one is clearly faster. */
export function winner<Run extends { readonly milliseconds: number }>(runs: readonly Run[]): Run | undefined {
  const [standard] = runs;
  if (!standard) return undefined;
  const best = runs.reduce((least, run) => (run.milliseconds < least.milliseconds ? run : least), standard);
  return best.milliseconds <= CLEARLY_FASTER * standard.milliseconds && standard.milliseconds < Infinity
    ? best
    : standard;
}

/** Buffers of a made-up 3x3 layer, and the passes over it. */
class SampleLayer {
  readonly #g: Geometry;
  readonly #owned: GPUBuffer[] = [];
  readonly #source: GPUBuffer;
  readonly #gradient: GPUBuffer;
  readonly #weights: GPUBuffer;
  readonly #output: GPUBuffer;
  readonly #discarded: GPUBuffer;

  constructor(
    readonly device: GPUDevice,
    line: LineClass,
    images: number,
    readonly tuning: Pick<Tuning, 'threads' | 'wide'>,
  ) {
    const { size, channels } = LAYERS[line];
    const pad = samePadLow(size, 3, 1);
    const vectors = channels / 4;
    this.#g = {
      images,
      inHeight: size,
      inWidth: size,
      inVectors: vectors,
      inChannels: channels,
      outHeight: size,
      outWidth: size,
      outVectors: vectors,
      outChannels: channels,
      kernel: 3,
      stride: 1,
      padTop: pad,
      padLeft: pad,
      classes: [{ channel: 0, channels, taps: [0, 1, 2, 3, 4, 5, 6, 7, 8] }],
      form: 'row lines',
    };
    const activation = images * size * size * vectors;
    this.#source = this.#filled('sample source', activation, ZERO_VEC4S);
    this.#gradient = this.#filled('sample gradient', activation, ZERO_VEC4S);
    this.#weights = this.#filled('sample weights', 9 * channels * vectors, 0);
    this.#output = this.#buffer('sample output', ZERO_VEC4S + activation);
    this.#discarded = this.#buffer('sample discarded', 1);
  }

  #buffer(label: string, vec4Count: number): GPUBuffer {
    const buffer = storageBuffer(this.device, label, vec4Count * 16);
    this.#owned.push(buffer);
    return buffer;
  }

  /** Values of any kind but zeros, which some adapters multiply faster. */
  #filled(label: string, vec4Count: number, zeros: number): GPUBuffer {
    const buffer = this.#buffer(label, zeros + vec4Count);
    const contents = Float32Array.from({ length: vec4Count * 4 }, (_, i) => ((i * 37) % 101) / 50 - 1);
    this.device.queue.writeBuffer(buffer, zeros * 16, contents);
    return buffer;
  }

  forward(sizes: LineSizes): Recorder {
    const g = this.#g;
    const recorder = new Recorder();
    const tile = bestTile(lineTilesOf(sizes), g.outVectors);
    const blocks = forwardLines(g, evenly(blockVectors(tile)));
    const { images, outVectors, inVectors } = g;
    const shape = { ...lineShape(g, g.form), images, outVectors, inVectors, blocks: blocks.length };
    const weights = { buffer: this.#weights };
    const bindings = {
      source: withZeros(this.#source),
      weights,
      perChannel: weights,
      added: weights,
      output: values(this.#output, 'f32'),
      partials: { buffer: this.#discarded },
      lines: recorder.table(lineTable(blocks)),
    };
    recorder.record(
      lineKernel(tile, 1, 'plain'),
      bindings,
      { ...shape, ...PLAIN_STORE },
      convLinesGrid(tile, shape),
      0,
    );
    return recorder;
  }

  kernelGradient(sizes: GradientSizes): Recorder {
    const g = this.#g;
    const { threads, wide } = this.tuning;
    const recorder = new Recorder();
    const units = lineUnits(g);
    const tile = bestGradientTile(sizes, g.outVectors, units.length);
    const { outVectors, inVectors } = g;
    const size = 9 * g.inChannels * outVectors;
    const shape = { ...lineShape(g, g.form), outVectors, inVectors, size, units: units.length };
    const lines = g.images * shape.outAcross;
    const split = splitRows(lines, splitShape(tile, units.length, outVectors), threads);
    const partials = { buffer: this.#buffer('sample partials', split.parts * size) };
    recorder.record(
      lineGradientKernel(tile, 1),
      {
        source: withZeros(this.#source),
        gradient: withZeros(this.#gradient),
        partials,
        table: recorder.table(lineUnitTable(units)),
      },
      { ...shape, lanes: split.lanes, lines, linesPerPart: split.rowsPerPart },
      kernelGradientGrid(split, tile, outVectors),
      0,
    );
    // Tiles decide how many parts there are to add: that counts too.
    if (split.parts > 1) {
      const sums = values(this.#output, 'f32');
      recorder.record(sumParts(wide), { partials, sums }, { size, parts: split.parts }, sumGrid(wide, size), 0);
    }
    return recorder;
  }

  dispose(): void {
    for (const buffer of this.#owned) buffer.destroy();
  }
}
