import type { Cifar10 } from '../src/data/cifar10.ts';
import type { OpenedEngine } from '../src/lab/engines.ts';

/** Exit codes, as the help and the README say them. */
export const EXIT = { done: 0, failed: 1, badInput: 2, noAdapter: 3, diverged: 4, interrupted: 130 } as const;

export type Backend = 'webgpu' | 'tfjs';

/** What a command finds around it. */
export interface Surroundings {
  /** Folder that paths are relative to. */
  readonly folder: string;
  /** Whether stderr is a terminal. */
  readonly terminal: boolean;
  /** Aborted when the command is to stop as soon as all is safe. */
  readonly stop: AbortSignal;
  stdout(text: string): void;
  stderr(text: string): void;
  openEngine(backend?: Backend): Promise<OpenedEngine>;
  openData(): Promise<Cifar10>;
}

/** Bad input: one sentence for each problem. */
export class InputError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/** No engine can serve what was asked for: no adapter, or one without a feature that the spec needs. */
export class NoAdapterError extends Error {}

export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** How many, in words that fit: 1 run, 2 runs. */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
