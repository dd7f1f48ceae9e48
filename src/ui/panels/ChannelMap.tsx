import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { type KeyboardEvent, useState } from 'react';
import type { LayerView, RunView } from '../../core/events/view.ts';
import { useLabState, useRunView } from '../app/lab-context.tsx';
import { type CellLayout, PALETTES, layOutCells } from '../canvas/cells.ts';
import { Legend } from './Legend.tsx';
import { LINE_WIDTH, MapRow } from './MapRow.tsx';
import { WhyLine } from './WhyLine.tsx';
import { useEditing } from './editing.ts';
import './map.css';

interface Place {
  readonly layer: string;
  readonly channel: number;
}

/** What stands beside the cells of a row: paddings, name, width line, count and the gaps between them. */
const BESIDE = 12 + 104 + LINE_WIDTH + 64 + 3 * 12;

/** The hero: one row a layer, one cell a channel, and why each is on or off. */
export function ChannelMap() {
  const view = useMapView();
  const editing = useEditing(view);
  const { ref, width } = useElementSize();
  const palette = PALETTES[useComputedColorScheme('light')];
  const [pointed, setPointed] = useState<Place | null>(null);
  const [pinned, setPinned] = useState<Place | null>(null);
  const rows = view.layers;
  const narrow = width < 520;
  const cellsWidth = Math.max(80, Math.floor(width) - (narrow ? 12 : BESIDE));
  const largest = rows.length <= 6 ? 24 : rows.length <= 10 ? 18 : 12;
  const place = placeIn(rows, pointed) ?? placeIn(rows, pinned);
  const pin = (next: Place): void => setPinned(pinned && samePlace(pinned, next) ? null : next);

  const onKey = (event: KeyboardEvent, row: LayerView, layout: CellLayout): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = [pointed, pinned].find((one) => one?.layer === row.layer);
    if (event.key === 'Enter' && here) pin(here);
    else if (event.key.toLowerCase() === 'x' && here) {
      editing.toggle(row.layer, here.channel);
      editing.commit();
    } else move(event, row, layout, here?.channel ?? -1);
  };

  const letGo = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    // What else Escape means comes with the next press.
    if (pinned) event.stopPropagation();
    setPointed(null);
    setPinned(null);
  };

  const move = (event: KeyboardEvent, row: LayerView, layout: CellLayout, current: number): void => {
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: layout.perLine,
      ArrowUp: -layout.perLine,
    };
    const by = moves[event.key];
    if (by === undefined) return;
    const next = current < 0 ? 0 : current + by;
    if (next >= 0 && next < row.total) {
      setPointed({ layer: row.layer, channel: next });
      event.preventDefault();
      return;
    }
    const neighbour = rows[rows.indexOf(row) + Math.sign(by)];
    if (!neighbour || Math.abs(by) === 1) return;
    event.preventDefault();
    setPointed({
      layer: neighbour.layer,
      channel: Math.min(neighbour.total - 1, Math.max(0, current % layout.perLine)),
    });
    document.getElementById(`row-${neighbour.layer}`)?.focus();
  };

  return (
    <section className="map card" aria-label="Channel map" data-pinned={pinned !== null || undefined} onKeyDown={letGo}>
      <div className="card-head">
        <h2>Channels</h2>
        <Legend palette={palette} />
      </div>
      <div ref={ref} className="map-rows" data-dense={rows.length > 10 || undefined} role="list">
        {width > 0 &&
          rows.map((row) => {
            const layout = layOutCells(row.total, cellsWidth, largest);
            const at = (channel: number): Place => ({ layer: row.layer, channel });
            return (
              <MapRow
                key={row.layer}
                view={view}
                row={row}
                layout={layout}
                width={cellsWidth}
                narrow={narrow}
                palette={palette}
                editing={editing}
                pointed={pointed?.layer === row.layer ? pointed.channel : null}
                pinned={pinned?.layer === row.layer ? pinned.channel : null}
                onPoint={(channel) => setPointed(channel === null ? null : at(channel))}
                onPin={(channel) => pin(at(channel))}
                onKey={(event) => onKey(event, row, layout)}
              />
            );
          })}
        {rows.length === 0 && <p className="map-empty">The network appears here as soon as it is prepared.</p>}
      </div>
      <WhyLine
        view={view}
        editing={editing}
        shown={place}
        pinned={pinned !== null && place?.channel === pinned.channel && place.layer.layer === pinned.layer}
      />
    </section>
  );
}

/** What the map shows: the selected run or, while one of the same model is being opened, what it showed before. */
function useMapView(): RunView {
  const view = useRunView();
  const model = useLabState((state) => state.opened?.model);
  const [before, setBefore] = useState(view);
  const { id, width } = before.start?.spec.model ?? {};
  if (view.layers.length > 0) {
    if (before !== view) setBefore(view);
    return view;
  }
  return model !== undefined && model.id === id && model.width === width ? before : view;
}

const samePlace = (a: Place, b: Place): boolean => a.layer === b.layer && a.channel === b.channel;

function placeIn(rows: readonly LayerView[], place: Place | null): { layer: LayerView; channel: number } | null {
  const layer = rows.find((row) => row.layer === place?.layer);
  return layer && place && place.channel < layer.total ? { layer, channel: place.channel } : null;
}
