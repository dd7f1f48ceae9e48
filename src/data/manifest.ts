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

const manifestSchema = v.object({
  shards: v.pipe(
    v.array(
      v.object({
        file: v.pipe(v.string(), v.regex(/^[\w-]+(\.[\w-]+)*$/)),
        split: v.picklist(['train', 'test']),
        images: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_IMAGES)),
        bytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
        sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      }),
    ),
    v.minLength(1),
  ),
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
