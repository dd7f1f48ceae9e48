import { Button, NativeSelect, Slider } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import { uniforms } from '../../core/random/uniforms.ts';
import type { ConvLayer } from '../../core/sparsity/index.ts';
import { useLab, useRunView } from '../app/lab-context.tsx';
import { useForking } from '../panels/forking.ts';
import { OffsetGrid } from './OffsetGrid.tsx';
import { TapPicture } from './TapPicture.tsx';
import { TapSizesTable } from './TapSizesTable.tsx';
import {
  allAt,
  balanced,
  centreOf,
  centreWords,
  patternOf,
  restrided,
  sourceMaps,
  tapSizes,
  turned,
} from './tap-edits.ts';
import { type TapEditing, useTaps } from './use-taps.ts';
import './taps.css';

/** Strided taps of the selected run by hand: what is chosen waits for Fork, as channels do. Closed until it is wanted. */
export function TapCard() {
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState('');
  const card = useRef<HTMLDetailsElement>(null);
  const editing = useTaps(useRunView());
  useEffect(() => {
    if (open) card.current?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  if (!editing) return null;
  const { pending } = editing;
  return (
    <details ref={card} className="taps card" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>Strided taps by hand</h2>
        <p>
          {pending.length > 0
            ? `Chosen for ${pending.join(', ')}`
            : 'Which taps of each kernel stay: one in every stride, from an offset for each source map'}
        </p>
      </summary>
      {open && <Picker editing={editing} chosen={chosen} onLayer={setChosen} />}
    </details>
  );
}

interface PickerProps {
  readonly editing: TapEditing;
  /** The convolution that was chosen to look at; the first where there is no such. */
  readonly chosen: string;
  onLayer(layer: string): void;
}

function Picker({ editing, chosen, onLayer }: PickerProps) {
  const { network, layers, running, edited, pending, choose } = editing;
  const [draws, setDraws] = useState(0);
  const { store } = useLab();
  const layer = layers.find(({ id }) => id === chosen) ?? layers[0];
  const now = useMemo(() => layer && tapSizes(network, running, layer.id), [network, running, layer]);
  const then = useMemo(() => layer && tapSizes(network, edited, layer.id), [network, edited, layer]);
  const maps = useMemo(() => (layer ? sourceMaps(network, edited, layer.id) : []), [network, edited, layer]);
  if (!layer || !now || !then) return null;
  const before = patternOf(running, layer);
  const pattern = patternOf(edited, layer);
  const random = (draw: number) =>
    uniforms(store.getState().opened?.seed ?? 1, 'search', layers.indexOf(layer) + draw * layers.length);
  const centre = centreWords(centreOf(pattern, maps, layer.taps));
  return (
    <div className="taps-body">
      <div className="taps-controls">
        <NativeSelect
          size="xs"
          label="Convolution"
          data={layers.map(({ id }) => ({ value: id, label: pending.includes(id) ? `${id}, chosen` : id }))}
          value={layer.id}
          onChange={(event) => onLayer(event.currentTarget.value)}
        />
        <Stride
          layer={layer}
          stride={pattern.stride}
          onStride={(stride) => choose(layer, restrided(before, stride, random(0)))}
        />
        <div className="taps-all" role="group" aria-label="All source maps">
          <span>All source maps</span>
          {pattern.stride > 1 &&
            Array.from({ length: pattern.stride }, (_, offset) => (
              <button
                key={offset}
                type="button"
                className="tap-map"
                aria-label={`All at offset ${offset}`}
                title={`All at offset ${offset}`}
                onClick={() => choose(layer, allAt(pattern, offset))}
              >
                <TapPicture side={layer.kernel} stride={pattern.stride} offset={offset} />
              </button>
            ))}
          <Button
            size="compact-xs"
            variant="default"
            disabled={pattern.stride === 1}
            title="Every offset as often as the others, to one, in a new random order"
            onClick={() => {
              setDraws(draws + 1);
              choose(layer, balanced(pattern, random(draws + 1)));
            }}
          >
            Balanced
          </Button>
          <Button
            size="compact-xs"
            variant="default"
            disabled={!pending.includes(layer.id)}
            onClick={() => choose(layer, before)}
          >
            As the run
          </Button>
        </div>
      </div>
      <div className="taps-offsets">
        <p className="taps-kept">
          <strong>{`${count(then.layer.lowered?.rows ?? 0)} of ${count(maps.length * layer.taps)} taps kept`}</strong>
          {pattern.stride === 1
            ? ' Stride 1 keeps them all.'
            : ' Press a picture, or ↑ and ↓ on it, for another offset.'}
        </p>
        <OffsetGrid
          layer={layer}
          pattern={pattern}
          maps={maps}
          onTurn={(map, by) => choose(layer, turned(pattern, map, by))}
        />
      </div>
      <div className="taps-result">
        <TapSizesTable layer={layer.id} now={now} then={then} />
        <div role="status">
          {centre && <p data-warning={centre.warning || undefined}>{centre.text}</p>}
          {pending.length > 0 && <Waiting />}
        </div>
      </div>
    </div>
  );
}

const count = (value: number): string => value.toLocaleString('en');

/** One tap in how many a convolution keeps: 1 is dense, as many as there are taps keeps a single one. */
function Stride({ layer, stride, onStride }: { layer: ConvLayer; stride: number; onStride: (to: number) => void }) {
  return (
    <div className="taps-stride">
      <span>
        Stride <strong>{stride}</strong> {stride === 1 ? 'dense' : ''}
      </span>
      <Slider
        thumbLabel={`Stride of the taps of ${layer.id}`}
        min={1}
        max={layer.taps}
        step={1}
        size="sm"
        label={null}
        marks={layer.taps <= 9 ? Array.from({ length: layer.taps }, (_, i) => ({ value: i + 1 })) : []}
        value={stride}
        onChange={onStride}
      />
    </div>
  );
}

/** Where what was chosen goes from here. */
function Waiting() {
  const { live } = useLab();
  const { step, obstacle } = useForking();
  if (live().step === 0) return <p>Waits until the run has trained: then it can be forked with these taps.</p>;
  if (obstacle !== null || step === null) return <p>{`No fork: ${obstacle ?? ''}`}</p>;
  return <p>{`Waits in the set-up: Fork at step ${step.toLocaleString('en')}, or Discard.`}</p>;
}
