import { type LayerPicture, keepsKernel, survivingWeights, tapsOf } from './layer-picture.ts';

const whole = (value: number): string => value.toLocaleString('en');

/** Whether a kernel of odd side keeps its middle tap; null where the side is even and there is none. */
export function seesCentre({ layer }: LayerPicture, taps: readonly number[]): boolean | null {
  return layer.taps % 2 === 1 ? taps.includes((layer.taps - 1) / 2) : null;
}

const centreText = (picture: LayerPicture, taps: readonly number[]): string => {
  const sees = seesCentre(picture, taps);
  if (sees === null) return '';
  return sees ? ', sees its centre' : ', does not see its centre pixel';
};

/** One source map in one line: its stride, offset and taps, and whether its kernels see the pixel they stand on. */
export function sourceMapText(picture: LayerPicture, c: number): string {
  const { layer, inputs, outputs, taps, kernels, free } = picture;
  const name = `Source map ${c}`;
  if (inputs[c] !== true) return `${name}: pruned, its whole column is gone`;
  const left = outputs.filter(Boolean).length;
  const own = outputs.filter((_, d) => keepsKernel(picture, c, d)).length;
  const masked = kernels ? `, ${whole(own)} of ${whole(left)} kernels kept` : '';
  if (free) return `${name}: stride ${free.stride}, an offset of its own for each kernel${masked}`;
  const kept = tapsOf(picture, c, 0);
  if (!taps) return `${name}: all ${layer.taps} taps${masked}`;
  const list = kept.join(', ');
  const offset = taps.offsets[c] ?? 0;
  return `${name}: stride ${taps.stride}, offset ${offset}, keeps ${kept.length} of ${layer.taps} taps (${list})${masked}${centreText(picture, kept)}`;
}

/** The whole layer in one line. */
export function layerSummary(picture: LayerPicture): string {
  const { layer, inputs, outputs, taps } = picture;
  const count = (flags: readonly boolean[]): string =>
    flags.every(Boolean) ? whole(flags.length) : `${whole(flags.filter(Boolean).length)} of ${whole(flags.length)}`;
  const weights = layer.inputs * layer.outputs * layer.taps;
  const blind = taps
    ? inputs.filter((kept, c) => kept && seesCentre(picture, tapsOf(picture, c, 0)) === false).length
    : 0;
  const parts = [
    `${count(inputs)} source maps, ${count(outputs)} output maps`,
    `${whole(survivingWeights(picture))} of ${whole(weights)} weights`,
    ...(blind > 0 ? [`${whole(blind)} source maps do not see their centre pixel`] : []),
  ];
  return parts.join('; ');
}
