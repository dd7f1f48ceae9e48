import { useMemo, useState } from 'react';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { KernelGrid } from './KernelGrid.tsx';
import { LayerPicker } from './Pickers.tsx';
import { StageTable } from './StageTable.tsx';
import { type LayerPicture, keepsKernel, tapsOf } from './layer-picture.ts';
import { layerSummary, seesCentre, sourceMapText } from './layer-words.ts';
import { type Place, useLayer } from './use-stages.ts';
import './sparsity.css';

/** The kernels of a layer: rows are output maps, columns source maps. */
export function KernelCard({ place, onPlace }: { place: Place; onPlace: (place: Place) => void }) {
  const [table, setTable] = useState(false);
  const shown = useLayer(place);
  if (!shown) {
    return (
      <Card head={<h2>Kernels</h2>}>
        <p className="chart-empty">The kernels appear as soon as the run is prepared.</p>
      </Card>
    );
  }
  const { picture, layers } = shown;
  const { id, inputs } = picture.layer;
  const source = place.source !== null && place.source < inputs ? place.source : null;
  return (
    <Card
      head={
        <>
          <h2>Kernels</h2>
          <LayerPicker layers={layers} shown={id} onPlace={onPlace} />
          <ul className="keys sparsity-key">
            <li data-mark="tap">tap kept</li>
            <li data-mark="tile">tap pruned</li>
            <li data-mark="map">map pruned</li>
          </ul>
          <TableSwitch title="Kernels" table={table} onSwitch={setTable} />
        </>
      }
    >
      {table ? (
        <SourceMapTable picture={picture} />
      ) : (
        <div className="sparsity-body">
          <KernelGrid
            picture={picture}
            pointed={source}
            onPoint={(to) => to !== place.source && onPlace({ layer: id, source: to })}
          />
          <p className="sparsity-foot">{source === null ? layerSummary(picture) : sourceMapText(picture, source)}</p>
        </div>
      )}
    </Card>
  );
}

function SourceMapTable({ picture }: { picture: LayerPicture }) {
  const rows = useMemo(() => {
    const { inputs, outputs, taps, free } = picture;
    return inputs.map((kept, c) => {
      if (!kept) return [String(c), 'pruned', '–', '–', '–', '–'];
      const list = tapsOf(picture, c, 0);
      const sees = free ? null : seesCentre(picture, list);
      const own = outputs.filter((_, d) => keepsKernel(picture, c, d)).length;
      return [
        String(c),
        String(taps?.stride ?? free?.stride ?? 1),
        free ? 'by kernel' : String(taps?.offsets[c] ?? 0),
        free ? 'by kernel' : list.join(' '),
        sees === null ? '–' : sees ? 'yes' : 'no',
        String(own),
      ];
    });
  }, [picture]);
  const head = ['Source map', 'Stride', 'Offset', 'Taps kept', 'Sees its centre', 'Kernels kept'];
  return <StageTable title="Kernels" head={head} rows={rows} />;
}
