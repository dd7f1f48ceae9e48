import { type KeyboardEvent, type MouseEvent, memo, useRef, useState } from 'react';
import type { TapPattern } from '../../core/network/taps.ts';
import type { ConvLayer } from '../../core/sparsity/index.ts';
import { TapPicture } from './TapPicture.tsx';
import { offsetWords } from './tap-edits.ts';

export interface OffsetGridProps {
  readonly layer: ConvLayer;
  readonly pattern: TapPattern;
  /** Source maps that the network keeps. */
  readonly maps: readonly number[];
  /** Moves the offset of a source map. */
  onTurn(map: number, by: number): void;
}

/** A picture for each source map. One of them takes the keyboard's focus: arrows move it, or turn its offset. */
export function OffsetGrid({ layer, pattern, maps, onTurn }: OffsetGridProps) {
  const box = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState(0);
  const kept = new Set(maps);
  const fixed = pattern.stride === 1;
  const focused = Math.min(current, layer.inputs - 1);
  const turn = (map: number, by: number): void => {
    setCurrent(map);
    if (!fixed) onTurn(map, by);
  };
  // One listener for all pictures, which then change only with what they show.
  const onClick = ({ target, shiftKey }: MouseEvent): void => {
    const map = target instanceof Element ? target.closest<HTMLElement>('[data-map]')?.dataset['map'] : undefined;
    if (map !== undefined) turn(Number(map), shiftKey ? -1 : 1);
  };

  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A space presses the picture, and does not run or pause.
    if (event.key === ' ' || event.key === 'Enter') event.stopPropagation();
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      event.preventDefault();
      turn(focused, event.key === 'ArrowUp' ? 1 : -1);
      return;
    }
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: focused + 1,
      ArrowLeft: focused - 1,
      Home: 0,
      End: layer.inputs - 1,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.min(layer.inputs - 1, Math.max(0, to));
    setCurrent(next);
    box.current?.querySelectorAll<HTMLElement>('button')[next]?.focus();
  };

  return (
    <div
      ref={box}
      className="tap-grid"
      role="group"
      aria-label={`Offsets by source map of ${layer.id}`}
      onKeyDown={onKey}
      onClick={onClick}
    >
      {pattern.offsets.map((offset, map) => (
        <SourceMap
          // Source maps have no identity but their number.
          key={map}
          map={map}
          side={layer.kernel}
          stride={pattern.stride}
          offset={offset}
          words={offsetWords(pattern, map, layer.taps)}
          pruned={!kept.has(map)}
          inTabOrder={map === focused}
        />
      ))}
    </div>
  );
}

interface SourceMapProps {
  readonly map: number;
  readonly side: number;
  readonly stride: number;
  readonly offset: number;
  readonly words: string;
  /** Whether the network has this source map no more. */
  readonly pruned: boolean;
  readonly inTabOrder: boolean;
}

const SourceMap = memo(function SourceMap(props: SourceMapProps) {
  const { map, side, stride, offset, words, pruned, inTabOrder } = props;
  const name = `Source map ${map}: ${words}${pruned ? ', pruned' : ''}`;
  return (
    <button
      type="button"
      className="tap-map"
      data-map={map}
      data-pruned={pruned || undefined}
      tabIndex={inTabOrder ? 0 : -1}
      aria-label={name}
      title={name}
      aria-disabled={stride === 1 || undefined}
    >
      <TapPicture side={side} stride={stride} offset={offset} />
      <span aria-hidden>{map}</span>
    </button>
  );
});
