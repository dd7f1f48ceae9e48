/** A recorded real run that comes with the page. */
export interface RecordingFile {
  readonly id: string;
  readonly title: string;
  /** Relative to the page. */
  readonly file: string;
}

/** What a visitor without WebGPU can look at; made by the command line's `--record` (see docs/recordings.md). */
export const RECORDINGS: readonly RecordingFile[] = [
  { id: 'chex-micro', title: 'CHEX on the micro network', file: 'recordings/chex-micro.json' },
  { id: 'chex-plain5', title: 'CHEX on a five-layer network, half the MACs', file: 'recordings/chex-plain5.json' },
];
