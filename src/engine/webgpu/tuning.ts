import * as v from 'valibot';
import { STORAGE_TYPES, type StorageType } from '../engine.ts';
import type { Device } from './device.ts';

/** One family of tiles: sizes to choose from by width. */
export interface TileSizes {
  readonly pixels: number;
  readonly vectors: readonly number[];
  /** Vec4s of accumulators that a tile holds at most: wider ones take fewer pixels. Default: as many as it takes. */
  readonly accumulators?: number;
}

/** Tiles of convolutions by lines. */
export interface LineSizes extends TileSizes {
  /** Input channels a turn, see Tile. */
  readonly channels: 1 | 4;
  readonly quads: boolean;
  /** Work-groups stage pixels and weights in their memory. Never on a software adapter, as `wide`. */
  readonly shared: boolean;
  /**
   * Tiles of several sizes share a layer, in a dispatch each: where a dispatch costs nothing beside vectors that idle
   * (software adapters). Default: no.
   */
  readonly mixed?: boolean;
}

/** Tiles of kernel gradients by lines. */
export interface GradientSizes {
  readonly vectors: readonly number[];
  readonly quads: boolean;
  /** As in LineSizes. */
  readonly shared: boolean;
}

/** Layers by the length of a line of output pixels: what fits long lines may leave much of a short one idle. */
export const LINE_CLASSES = ['long', 'middle', 'short'] as const;
export type LineClass = (typeof LINE_CLASSES)[number];
export type ByLineClass<T> = Readonly<Record<LineClass, T>>;

export const lineClass = (along: number): LineClass => (along >= 24 ? 'long' : along >= 12 ? 'middle' : 'short');

/** What fits an adapter. */
export interface Tuning {
  /** Input channels a turn and sharing of loads in convolutions over rows (and `quads` in their kernel gradients). */
  readonly channels: 1 | 4;
  readonly quads: boolean;
  /** 3x3 convolutions by lines, and the input gradients of those with stride 2 (pixels counted in pairs). */
  readonly lines: ByLineClass<LineSizes>;
  /** Convolutions over a table of rows. */
  readonly rows: TileSizes;
  /** The same where there are at most `tiles` tiles: dense layers at small batches. */
  readonly few: TileSizes & { readonly tiles: number };
  readonly kernelGradient: ByLineClass<GradientSizes>;
  readonly rowsKernelGradient: readonly number[];
  /** Threads wanted for split sums: enough to fill the adapter, few enough that adding the parts stays cheap. */
  readonly threads: number;
  /** Pixels that a thread of a norm's elementwise pass walks: it reads its channels' state once for all of them. */
  readonly walked: number;
  /** Work-groups share sums through their memory. Never on a software adapter, where barriers are slow or worse. */
  readonly wide: boolean;
  /** How activations lie in memory. Never chosen by an adapter or a measurement: it changes results, so users ask for it. */
  readonly storage: StorageType;
}

export const byLineClass = <T>(make: (line: LineClass) => T): ByLineClass<T> => ({
  long: make('long'),
  middle: make('middle'),
  short: make('short'),
});

/** Whether lanes of a quad can share loads on a device. */
export const hasQuads = ({ features }: Pick<Device, 'features'>): boolean => features.includes('subgroups');

/** Whether kernels on a device can read and write activations stored so. */
export const canStore = ({ features }: Pick<Device, 'features'>, storage: StorageType): boolean =>
  storage === 'f32' || features.includes('shader-f16');

/** Of two software adapters: lavapipe compiles to wider registers and gains from larger tiles, SwiftShader does not. */
const isSwiftShader = ({ vendor, architecture, device, description }: GPUAdapterInfo): boolean =>
  /swiftshader/i.test(`${vendor} ${architecture} ${device} ${description}`);

/**
 * Defaults by kind of adapter, as measured. On software adapters machine code counts: a loop must fit the instruction
 * cache, hence one channel a turn and few loads; on GPUs wide loads and few registers.
 */
export function defaultTuning(device: Pick<Device, 'software' | 'info' | 'features'>): Tuning {
  const quads = hasQuads(device);
  if (!device.software) {
    return {
      channels: 4,
      quads,
      lines: byLineClass(() => ({ pixels: 4, vectors: [2, 1], channels: 4, quads, shared: false })),
      rows: { pixels: 4, vectors: [2, 1] },
      few: { pixels: 4, vectors: [1], tiles: 8 },
      kernelGradient: byLineClass(() => ({ vectors: [2, 1], quads, shared: false })),
      rowsKernelGradient: [2, 1],
      threads: 32_768,
      walked: 4,
      wide: true,
      storage: 'f32',
    };
  }
  const swiftShader = isSwiftShader(device.info);
  const limit = swiftShader ? { accumulators: 16 } : {};
  const mixed = true;
  return {
    channels: 1,
    quads,
    lines: byLineClass(() => ({ pixels: 8, vectors: [4, 2, 1], channels: 1, quads, shared: false, mixed, ...limit })),
    rows: { pixels: 8, vectors: [4, 2, 1], ...limit },
    few: { pixels: 4, vectors: [4], tiles: 32 },
    kernelGradient: byLineClass(() => ({ vectors: swiftShader ? [2, 1] : [4, 2, 1], quads, shared: false })),
    rowsKernelGradient: [4, 2, 1],
    threads: 2_048,
    walked: 16,
    wide: false,
    storage: 'f32',
  };
}

/** Whether a device can run kernels of a tuning, which may come from another adapter. */
export function runsOn(tuning: Tuning, device: Pick<Device, 'software' | 'features'>): boolean {
  const byLines = [...Object.values(tuning.lines), ...Object.values(tuning.kernelGradient)];
  if ([...byLines, tuning].some(({ quads }) => quads) && !hasQuads(device)) return false;
  return (
    canStore(device, tuning.storage) && !(device.software && (tuning.wide || byLines.some(({ shared }) => shared)))
  );
}

const vectorsSchema = v.pipe(v.array(v.picklist([1, 2, 4])), v.minLength(1));
const sizeEntries = {
  pixels: v.picklist([1, 2, 4, 8]),
  vectors: vectorsSchema,
  accumulators: v.exactOptional(v.picklist([16, 32])),
};
const channelsSchema = v.picklist([1, 4]);
export const byLineClassSchema = <Schema extends v.GenericSchema>(of: Schema) =>
  v.object({ long: of, middle: of, short: of });
// Checkpoints from before there was a choice lack it.
const newSchema = v.optional(v.boolean(), false);
export const lineSizesSchema = v.object({
  ...sizeEntries,
  channels: channelsSchema,
  quads: v.boolean(),
  shared: newSchema,
  mixed: v.exactOptional(v.boolean()),
});
export const gradientSizesSchema = v.object({
  vectors: vectorsSchema,
  quads: v.boolean(),
  shared: newSchema,
});

const tuningSchema = v.object({
  channels: channelsSchema,
  quads: v.boolean(),
  lines: byLineClassSchema(lineSizesSchema),
  rows: v.object(sizeEntries),
  few: v.object({ ...sizeEntries, tiles: v.pipe(v.number(), v.integer(), v.minValue(0)) }),
  kernelGradient: byLineClassSchema(gradientSizesSchema),
  rowsKernelGradient: vectorsSchema,
  threads: v.pipe(v.number(), v.integer(), v.minValue(64), v.maxValue(2 ** 20)),
  walked: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_024)), 4),
  wide: v.boolean(),
  // Checkpoints of earlier versions do not say.
  storage: v.optional(v.picklist(STORAGE_TYPES), 'f32'),
});

/** A tuning as a line of text: equal tunings give equal text. */
export const variantsOf = (tuning: Tuning): string => JSON.stringify(v.parse(tuningSchema, tuning));

/** Reads `variantsOf`. Throws a sentence when it is none, or one of another version of the kernels. */
export function parseVariants(variants: string): Tuning {
  const unknown = (cause: unknown): Error =>
    new Error(
      'The checkpoint was trained with kernel variants that this version does not know. Use the version that wrote it.',
      { cause },
    );
  let json: unknown;
  try {
    json = JSON.parse(variants);
  } catch (error) {
    throw unknown(error);
  }
  const result = v.safeParse(tuningSchema, json);
  if (!result.success) throw unknown(result.issues[0].message);
  return result.output;
}
