/** Output channels that sum over the same runs of rows: a block of a tile's vectors from `vector` on. */
export interface TableBlock<Run> {
  /** Vec4s of the tiles that make it. */
  readonly vectors: number;
  /** First vec4 of the output's channels, and one past the last that belongs to the block. */
  readonly vector: number;
  readonly end: number;
  /** First vec4 within a row of weights. */
  readonly column: number;
  readonly runs: readonly Run[];
}

/** Blocks by the size of their tiles, and which share of all vectors each size makes: what a dispatch takes. */
export function bySize<Run>(
  blocks: readonly TableBlock<Run>[],
): readonly { readonly vectors: number; readonly blocks: readonly TableBlock<Run>[]; readonly share: number }[] {
  const total = blocks.reduce((sum, { vectors }) => sum + vectors, 0);
  return [...new Set(blocks.map(({ vectors }) => vectors))].map((vectors) => {
    const of = blocks.filter((block) => block.vectors === vectors);
    return { vectors, blocks: of, share: (of.length * vectors) / total };
  });
}

const BLOCK_WORDS = 5;
export const RUN_WORDS = 6;

/**
 * Blocks and their runs as the kernels read them: vector, end, column, where the runs start and how many there are; then
 * the runs, `RUN_WORDS` words each. Blocks with the same runs share them.
 */
export function blockTable<Run>(
  blocks: readonly TableBlock<Run>[],
  words: (run: Run) => readonly number[],
): Int32Array {
  const runs: Run[] = [];
  const starts = new Map<readonly Run[], number>();
  for (const block of blocks) {
    if (starts.has(block.runs)) continue;
    starts.set(block.runs, runs.length);
    runs.push(...block.runs);
  }
  const first = blocks.length * BLOCK_WORDS;
  return Int32Array.from([
    ...blocks.flatMap(({ vector, end, column, runs: of }) => [
      vector,
      end,
      column,
      first + (starts.get(of) ?? 0) * RUN_WORDS,
      of.length,
    ]),
    ...runs.flatMap(words),
  ]);
}

/** Reads block number `index` of the table bound as `table`. */
export const readBlock = (table: string, index: string): string => `
  let entry = (${index}) * ${BLOCK_WORDS}u;
  let block = u32(${table}[entry]);
  let outEnd = u32(${table}[entry + 1u]);
  let column = u32(${table}[entry + 2u]);
  let firstRun = u32(${table}[entry + 3u]);
  let runs = u32(${table}[entry + 4u]);`;
