import type { KeyboardEvent } from 'react';
import type { LayerView, RunView } from '../../core/events/view.ts';
import { LayerCells } from '../canvas/LayerCells.tsx';
import { WidthHandle } from '../canvas/WidthHandle.tsx';
import { WidthLine } from '../canvas/WidthLine.tsx';
import type { CellLayout, Palette } from '../canvas/cells.ts';
import type { Editing } from './editing.ts';

export const LINE_WIDTH = 84;

export interface MapRowProps {
  readonly view: RunView;
  readonly row: LayerView;
  readonly layout: CellLayout;
  readonly width: number;
  readonly narrow: boolean;
  readonly palette: Palette;
  readonly editing: Editing;
  /** The channels that are pointed at and pinned, where they are this layer's. */
  readonly pointed: number | null;
  readonly pinned: number | null;
  onPoint(channel: number | null): void;
  onPin(channel: number): void;
  onKey(event: KeyboardEvent): void;
}

/** One layer: its name, its cells with a handle for the width, its width over time, and how many channels it keeps. */
export function MapRow(props: MapRowProps) {
  const { view, row, layout, width, narrow, palette, editing, pointed, pinned, onPoint, onPin, onKey } = props;
  const wanted = editing.wanted(row.layer);
  const kept = wanted?.length ?? row.kept;
  return (
    <div
      id={`row-${row.layer}`}
      role="listitem"
      className="map-row"
      tabIndex={0}
      aria-label={`${row.layer}: ${kept} of ${row.total} channels`}
      aria-describedby={pointed !== null || pinned !== null ? 'channel-why' : undefined}
      onKeyDown={(event) => event.target === event.currentTarget && onKey(event)}
    >
      <span className="map-name" title={row.layer}>
        {row.layer}
      </span>
      <div className="map-cells" style={{ width }}>
        <LayerCells
          layer={row}
          layout={layout}
          width={width}
          palette={palette}
          latest={view.decisions.at(-1)?.step ?? 0}
          wanted={wanted}
          cursor={pointed}
          pinned={pinned}
          onPoint={onPoint}
          onPin={onPin}
        />
        {editing.editable(row.layer) && (
          <WidthHandle
            layer={row.layer}
            kept={kept}
            total={row.total}
            length={Math.min(row.total, layout.perLine) * layout.size}
            onWidth={(to) => editing.setWidth(row.layer, to)}
            onDone={editing.commit}
          />
        )}
      </div>
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
      <span className="map-count" data-edited={(wanted !== null && kept !== row.kept) || undefined}>
        <strong>{kept}</strong>/{row.total}
      </span>
    </div>
  );
}
