import { useElementSize } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { useRunView } from '../app/lab-context.tsx';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { compactNumber, percent } from '../widgets/format.ts';
import { Drawing } from './Drawing.tsx';
import { DrawnTable } from './DrawnTable.tsx';
import { type DrawnNetwork, drawnNetworks } from './drawn-networks.ts';
import { usePicture } from './use-picture.ts';
import './densities.css';

/** Three networks drawn to width: the original, the crop that the draft asks for, and PreConfig. */
export function DrawnCard() {
  const [table, setTable] = useState(false);
  const picture = usePicture();
  const view = useRunView();
  const told = view.layers.length > 0 && picture?.report ? view.layers : [];
  const widths = JSON.stringify(told.map(({ layer, kept }) => [layer, kept]));
  const drawn = useMemo(() => {
    if (!picture) return [];
    const running = new Map(JSON.parse(widths) as [string, number][]);
    return drawnNetworks(picture.ground, picture.scheme, running.size > 0 ? running : null);
  }, [picture, widths]);
  const [original] = drawn;
  const most = Math.max(1, ...drawn.flatMap(({ layers }) => layers?.map(({ width }) => width) ?? []));
  return (
    <Card
      head={
        <>
          <h2>Drawn to width</h2>
          <ul className="keys drawn-key">
            <li data-mark="inner">inner width</li>
            <li data-mark="stream">residual stream</li>
            <li data-mark="original">original</li>
          </ul>
          <TableSwitch title="Drawn to width" table={table} onSwitch={setTable} />
        </>
      }
    >
      {table ? (
        <DrawnTable drawn={drawn} />
      ) : (
        <div className="drawn">
          {drawn.map((network) => (
            <One key={network.title} network={network} most={most} original={original} />
          ))}
        </div>
      )}
    </Card>
  );
}

function One({ network, most, original }: { network: DrawnNetwork; most: number; original: DrawnNetwork | undefined }) {
  const { ref, width, height } = useElementSize();
  const { title, note, layers, weights, macs } = network;
  return (
    <div className="drawn-one">
      <h3>
        {title} <span>{note}</span>
      </h3>
      <div ref={ref} className="drawn-area">
        {layers && width > 0 && (
          <Drawing layers={layers} width={width} height={height} most={most} label={`${title}, drawn to width`} />
        )}
      </div>
      {layers && original && (
        <p>
          <span>{countText(weights, original.weights, 'weights')}</span>
          <span>{countText(macs, original.macs, 'MACs')}</span>
        </p>
      )}
    </div>
  );
}

const countText = (value: number, whole: number, unit: string): string =>
  `${compactNumber(value)} ${unit}${value === whole ? '' : ` (${percent(value / whole)})`}`;
