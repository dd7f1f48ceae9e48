import { SegmentedControl, Switch } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { LoweredSize } from '../../core/sparsity/index.ts';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { Matrices } from './Matrices.tsx';
import { LayerPicker } from './Pickers.tsx';
import { StageTable } from './StageTable.tsx';
import { otherWayRound } from './illustration.ts';
import { denseProduct, hasMaskedWeights, keptRows, productOf } from './layer-picture.ts';
import { sourceMapText } from './layer-words.ts';
import { macsText, productText } from './product-words.ts';
import { type Place, useLayer } from './use-stages.ts';
import './sparsity.css';

const VIEWS = [
  { value: 'was', label: 'As it was' },
  { value: 'closed', label: 'Closed up' },
];

/** The two lowered matrices of a layer: what leaves the one leaves the other. */
export function MatricesCard({ place, onPlace }: { place: Place; onPlace: (place: Place) => void }) {
  const [table, setTable] = useState(false);
  const [view, setView] = useState('was');
  const [other, setOther] = useState(false);
  const shown = useLayer(place);
  const own = shown?.picture ?? null;
  const illustration = useMemo(() => own && otherWayRound(own), [own]);
  const drawn = other && illustration ? illustration.picture : own;
  const masked = useMemo(() => own !== null && hasMaskedWeights(own), [own]);
  const rows = useMemo(() => {
    if (other && illustration) return illustration.rows;
    return own ? keptRows(own) : [];
  }, [own, other, illustration]);
  if (!shown || !own || !drawn) {
    return (
      <Card head={<h2>Matrices</h2>}>
        <p className="chart-empty">The lowered matrices appear as soon as the run is prepared.</p>
      </Card>
    );
  }
  const dense = denseProduct(own);
  const now = productOf(drawn, rows);
  const { source } = place;
  const text = other && illustration ? 'illustration' : masked ? 'masked' : 'compact';
  return (
    <Card
      head={
        <>
          <h2>Matrices</h2>
          <LayerPicker layers={shown.layers} shown={own.layer.id} onPlace={onPlace} />
          <SegmentedControl size="xs" aria-label="Rows that leave" data={VIEWS} value={view} onChange={setView} />
          <span className="keys" />
          <TableSwitch title="Matrices" table={table} onSwitch={setTable} />
        </>
      }
    >
      {table ? (
        <SizeTable dense={dense} now={productOf(own)} other={illustration?.product ?? null} free={own.free !== null} />
      ) : (
        <div className="sparsity-body">
          <Matrices
            picture={drawn}
            rows={rows}
            dense={dense}
            now={now}
            closed={view === 'closed'}
            pointed={source}
            onPoint={(to) => to !== source && onPlace({ layer: own.layer.id, source: to })}
          />
          <div className="sparsity-foot">
            <p>
              <strong>{macsText(dense, now)}</strong>{' '}
              {source === null || source >= own.layer.inputs
                ? productText(text, own, now, rows)
                : sourceMapText(drawn, source)}
            </p>
            {illustration && (
              <Switch
                size="xs"
                label="Same taps per source map"
                checked={(own.free === null) !== other}
                onChange={() => setOther(!other)}
              />
            )}
          </div>
        </div>
      )}
    </Card>
  );
}

interface SizeTableProps {
  readonly dense: LoweredSize;
  readonly now: LoweredSize;
  readonly other: LoweredSize | null;
  readonly free: boolean;
}

function SizeTable({ dense, now, other, free }: SizeTableProps) {
  const row = (name: string, { outputs, rows, positions, macs }: LoweredSize): readonly string[] => [
    name,
    ...[outputs, rows, positions, macs].map((value) => value.toLocaleString('en')),
  ];
  const drawn = free ? 'Illustration: same taps per source map' : 'Illustration: an offset for each kernel';
  const rows = [row('Dense', dense), row('Now', now), ...(other ? [row(drawn, other)] : [])];
  return (
    <StageTable
      title="Matrices"
      head={['Matrix product of one image', 'D, output maps', 'K′, rows', 'P, positions', 'MACs']}
      rows={rows}
    />
  );
}
