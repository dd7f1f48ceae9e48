import type { Lane } from '../../state/lanes.ts';
import { Swatch } from './Swatch.tsx';
import { runStyle } from './run-style.ts';

/** A run wherever it is spoken of: its line and its name. */
export const RunName = ({
  lane: { colour, spec },
}: {
  lane: Pick<Lane, 'colour'> & { readonly spec: Pick<Lane['spec'], 'name'> };
}) => (
  <span className="run-name" title={spec.name}>
    <Swatch style={runStyle(colour)} width={18} />
    <span>{spec.name}</span>
  </span>
);
