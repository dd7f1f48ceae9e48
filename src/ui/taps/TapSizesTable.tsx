import type { LoweredSize } from '../../core/sparsity/index.ts';
import { compactNumber, percent } from '../widgets/format.ts';
import type { TapSizes } from './tap-edits.ts';

/** The lowered matrices of a convolution and the multiply-adds, as the run has them and with what was chosen. */
export function TapSizesTable({ layer, now, then }: { layer: string; now: TapSizes; then: TapSizes }) {
  const rows: readonly (readonly [name: string, help: string, now: string, then: string, share: number])[] = [
    ['Kernels D × K′', KERNELS, ...both(now, then, ({ outputs, rows: k }) => `${count(outputs)} × ${count(k)}`)],
    ['Maps K′ × P', MAPS, ...both(now, then, ({ rows: k, positions }) => `${count(k)} × ${count(positions)}`)],
    [
      `MACs of ${layer}`,
      'D × K′ × P',
      compactNumber(now.layer.macs),
      compactNumber(then.layer.macs),
      then.layer.macs / now.layer.macs,
    ],
    ['MACs of the network', 'Of one image.', compactNumber(now.macs), compactNumber(then.macs), then.macs / now.macs],
  ];
  return (
    <table className="tap-sizes" aria-label={`Sizes of ${layer}`}>
      <thead>
        <tr>
          <td />
          <th scope="col">Run</th>
          <th scope="col">By hand</th>
          <th scope="col">of run</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, help, before, after, share]) => (
          <tr key={name}>
            <th scope="row" title={help}>
              {name}
            </th>
            <td>{before}</td>
            <td>{after}</td>
            <td>{percent(share, 0)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const KERNELS = 'The lowered kernels: a row for each output map, a column for each kept tap of each source map.';
const MAPS =
  'The lowered feature maps of one image: a row for each kept tap of each source map, a column for each output position.';

const count = (value: number): string => value.toLocaleString('en');

function both(
  now: TapSizes,
  then: TapSizes,
  words: (size: LoweredSize) => string,
): readonly [now: string, then: string, share: number] {
  const [before, after] = [now.layer.lowered, then.layer.lowered];
  if (!before || !after) return ['–', '–', 1];
  return [words(before), words(after), after.macs / before.macs];
}
