import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { type KeyboardEvent, useState } from 'react';
import type { LayerView } from '../../core/events/view.ts';
import { useRunView } from '../app/lab-context.tsx';
import { LayerCells } from '../canvas/LayerCells.tsx';
import { WidthLine } from '../canvas/WidthLine.tsx';
import { PALETTES, type CellLayout, layOutCells } from '../canvas/cells.ts';
import { describeChannel } from './describe.ts';
import { Legend } from './Legend.tsx';

interface Pointed {
  readonly layer: string;
  readonly channel: number;
}

const LINE_WIDTH = 84;
/** What stands beside the cells of a row: paddings, name, width line, count and the gaps between them. */
const BESIDE = 12 + 104 + LINE_WIDTH + 64 + 3 * 12;

/** The hero: one row a layer, one cell a channel, and why each is on or off. */
export function ChannelMap() {
  const view = useRunView();
  const { ref, width } = useElementSize();
  const scheme = useComputedColorScheme('light');
  const palette = PALETTES[scheme];
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const rows = view.layers;
  const narrow = width < 520;
  const cellsWidth = Math.max(80, Math.floor(width) - (narrow ? 12 : BESIDE));
  const largest = rows.length <= 6 ? 24 : rows.length <= 10 ? 18 : 12;
  const latest = view.decisions.at(-1)?.step ?? 0;
  const layer = rows.find((row) => row.layer === pointed?.layer);
  const channel = pointed ? layer?.channels[pointed.channel] : undefined;

  const onKey = (event: KeyboardEvent, row: LayerView, layout: CellLayout): void => {
    const current = pointed?.layer === row.layer ? pointed.channel : -1;
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: layout.perLine,
      ArrowUp: -layout.perLine,
    };
    const move = moves[event.key];
    if (event.key === 'Escape') setPointed(null);
    if (move === undefined) return;
    const next = current < 0 ? 0 : current + move;
    if (next >= 0 && next < row.total) {
      setPointed({ layer: row.layer, channel: next });
      event.preventDefault();
      return;
    }
    const index = rows.indexOf(row) + Math.sign(move);
    const neighbour = rows[index];
    if (!neighbour || Math.abs(move) === 1) return;
    event.preventDefault();
    setPointed({
      layer: neighbour.layer,
      channel: Math.min(neighbour.total - 1, Math.max(0, current % layout.perLine)),
    });
    document.getElementById(`row-${neighbour.layer}`)?.focus();
  };

  return (
    <section className="map card" aria-label="Channel map">
      <div className="card-head">
        <h2>Channels</h2>
        <Legend palette={palette} />
      </div>
      <div ref={ref} className="map-rows" data-dense={rows.length > 10 || undefined} role="list">
        {width > 0 &&
          rows.map((row) => {
            const layout = layOutCells(row.total, cellsWidth, largest);
            return (
              <div
                key={row.layer}
                id={`row-${row.layer}`}
                role="listitem"
                className="map-row"
                tabIndex={0}
                aria-label={`${row.layer}: ${row.kept} of ${row.total} channels`}
                aria-describedby={pointed?.layer === row.layer ? 'channel-why' : undefined}
                onKeyDown={(event) => onKey(event, row, layout)}
              >
                <span className="map-name" title={row.layer}>
                  {row.layer}
                </span>
                <LayerCells
                  layer={row}
                  layout={layout}
                  width={cellsWidth}
                  palette={palette}
                  latest={latest}
                  cursor={pointed?.layer === row.layer ? pointed.channel : null}
                  onPoint={(index) => setPointed(index === null ? null : { layer: row.layer, channel: index })}
                />
                {!narrow && (
                  <WidthLine
                    layer={row}
                    steps={view.start?.steps ?? 0}
                    step={view.step}
                    palette={palette}
                    width={LINE_WIDTH}
                    height={Math.min(24, layout.size + 4)}
                  />
                )}
                <span className="map-count">
                  <strong>{row.kept}</strong>/{row.total}
                </span>
              </div>
            );
          })}
        {rows.length === 0 && <p className="map-empty">The network appears here as soon as it is prepared.</p>}
      </div>
      <p id="channel-why" className="map-why" aria-live="polite">
        {layer && channel && pointed
          ? describeChannel(layer, pointed.channel, channel)
          : 'Point at a channel, or use the arrow keys, to read why it is on or off.'}
      </p>
    </section>
  );
}
