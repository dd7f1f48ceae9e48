import type { RunEvent, StructureEvent } from '../events/events.ts';
import { networkOf } from '../events/network.ts';
import type { RunView } from '../events/view.ts';
import { type Network, type Structure, bytesOf, denseStructure, structureKey } from '../network/index.ts';

/** A checkpoint of a run that was evaluated, and what its network costs. */
export interface Evaluated {
  readonly step: number;
  /** Share of the test images that are classified rightly. */
  readonly accuracy: number;
  readonly structure: Structure;
  /** Of the structure. */
  readonly key: string;
  readonly macs: number;
  readonly parameters: number;
  /** Of the network as it is saved (`bytesOf`). */
  readonly bytes: number;
  /**
   * Training images a second: from the median time of the steps that the run made with this structure, before or after;
   * null where it made none.
   */
  readonly imagesPerSecond: number | null;
}

type Point = Omit<Evaluated, 'imagesPerSecond'>;

/** Steps of a structure whose times count, the latest ones. */
const MOST_TIMES = 200;

/** The evaluations of a run, read off its log as that grows. */
export class Evaluations {
  #log: readonly RunEvent[] = [];
  #read = 0;
  #network: Network | null = null;
  #batchSize = 0;
  #at: Pick<Point, 'structure' | 'key' | 'macs' | 'parameters'> | null = null;
  #points: Point[] = [];
  /** Milliseconds of training for an image, by structure. */
  #times = new Map<string, number[]>();
  #bytes = new Map<string, number>();

  /** Those that a view tells of, in order; `view` has to be of the same run each time. */
  of({ log }: Pick<RunView, 'log'>): readonly Evaluated[] {
    // A run that went back tells its log anew.
    if (log !== this.#log) this.#restart(log);
    for (; this.#read < log.length; this.#read++) {
      const event = log[this.#read];
      if (event) this.#take(event);
    }
    const speeds = new Map<string, number | null>();
    for (const [key, times] of this.#times) {
      const milliseconds = median(times);
      speeds.set(key, milliseconds ? 1_000 / milliseconds : null);
    }
    return this.#points.map((point) => ({ ...point, imagesPerSecond: speeds.get(point.key) ?? null }));
  }

  #restart(log: readonly RunEvent[]): void {
    this.#log = log;
    this.#read = 0;
    this.#at = null;
    this.#points = [];
    this.#times = new Map();
  }

  #take(event: RunEvent): void {
    switch (event.kind) {
      case 'start': {
        this.#network = networkOf(event);
        this.#batchSize = event.spec.train.batchSize;
        const { macs, parameters } = event.dense;
        this.#stand({ structure: denseStructure(this.#network), macs, parameters });
        return;
      }
      case 'structure':
        return this.#stand(event);
      case 'batchHalved':
        this.#batchSize = event.to;
        return;
      case 'step': {
        const times = this.#times.get(this.#at?.key ?? '') ?? [];
        if (this.#at) this.#times.set(this.#at.key, times);
        times.push(event.milliseconds / this.#batchSize);
        if (times.length > MOST_TIMES) times.shift();
        return;
      }
      case 'evaluate':
        if (this.#at && this.#network) {
          const { step, testAccuracy: accuracy } = event;
          this.#points.push({ step, accuracy, ...this.#at, bytes: this.#bytesOf(this.#network, this.#at) });
        }
        return;
    }
  }

  #stand({ structure, macs, parameters }: Pick<StructureEvent, 'structure' | 'macs' | 'parameters'>): void {
    this.#at = { structure, key: structureKey(structure), macs, parameters };
  }

  #bytesOf(network: Network, { structure, key }: Pick<Point, 'structure' | 'key'>): number {
    const bytes = this.#bytes.get(key) ?? bytesOf(network, structure);
    this.#bytes.set(key, bytes);
    return bytes;
  }
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
