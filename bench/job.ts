import type { EngineName } from './peers/peer.ts';

/** One measurement, made in a page (or a Node process) of its own. Plain JSON. */
export interface Job {
  readonly bench: string;
  readonly model?: string;
  readonly engine?: EngineName;
  readonly batch?: number;
  readonly samples?: number;
  /** Extent of a single layer, as in 32x32x16. */
  readonly layer?: string;
  /** Runs that the built page races; such jobs are measured there. */
  readonly runs?: number;
  /** Measures once more what was measured before; not worth it right after itself. */
  readonly again?: boolean;
  /** Wants a browser nobody has used: nothing compiled is in any cache. */
  readonly fresh?: boolean;
}

/** What came out: flat, one line of --json. `error` says why there is nothing else. */
export interface Row {
  readonly bench: string;
  readonly model?: string;
  readonly engine?: EngineName;
  readonly adapter?: string;
  readonly error?: string;
}

/** The first images of the data set: the same for every engine. */
export interface Images {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

/** What differs between a page and Node. */
export interface Surroundings {
  images(count: number): Promise<Images>;
  /** Dawn's in Node; the browser's own when undefined. */
  readonly gpu: GPU | undefined;
}

/** One figure of the benchmark: what is measured, how, and how it is told. */
export interface Figure<R extends Row = Row> {
  readonly name: string;
  jobs(): readonly Job[];
  /** Runs in the page. Rejects with a sentence. */
  measure(job: Job, surroundings: Surroundings): Promise<readonly R[]>;
  /** Merges what several jobs measured of the same thing; default: as it is. */
  merge?(rows: readonly R[]): readonly R[];
  /** The table, with the target beside each value. No row carries an error. */
  lines(rows: readonly R[]): readonly string[];
}
