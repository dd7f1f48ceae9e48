import * as v from 'valibot';

/** One file of images, in the order in which pages load them. */
export interface ShardRecord {
  /** Relative to the manifest's folder. */
  readonly file: string;
  readonly split: 'train' | 'test';
  readonly images: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly shards: readonly ShardRecord[];
}

const MOST_IMAGES = 60_000;
/** A CIFAR-10 binary record: the label, then 1,024 red, 1,024 green and 1,024 blue bytes, rows from the top. */
export const RECORD_BYTES = 3_073;

const shardSchema = v.pipe(
  v.object({
    // A name in the manifest's folder: no path, no address.
    file: v.pipe(v.string(), v.regex(/^[\w-]+(\.[\w-]+)*$/)),
    split: v.picklist(['train', 'test']),
    images: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_IMAGES)),
    bytes: v.pipe(v.number(), v.integer()),
    sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  }),
  v.check(({ images, bytes }) => bytes === images * RECORD_BYTES, 'its bytes do not fit its images'),
);

const manifestSchema = v.object({
  format: v.literal('cifar10-binary'),
  shards: v.pipe(v.array(shardSchema), v.minLength(1)),
});

/** Reads a manifest. Throws a sentence that names the entry that is wrong. */
export function parseManifest(json: unknown): Manifest {
  const result = v.safeParse(manifestSchema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new Error(
    `The data manifest is damaged (${v.getDotPath(issue) ?? 'top level'}: ${issue.message}). Run npm start again to rebuild the data.`,
  );
}
