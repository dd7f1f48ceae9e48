import { type CSSProperties, useState } from 'react';
import { useRunView } from '../app/lab-context.tsx';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { compactNumber, percent } from '../widgets/format.ts';
import { StagePicker } from './Pickers.tsx';
import { StageTable } from './StageTable.tsx';
import { type SavedRow, type StorageRow, kilobytes, savedRows, savingNotes, storageRows } from './stages.ts';
import './sparsity.css';

/** What a stage saves: units, weights, multiply-adds, measured time, storage. */
export function SavingsCard() {
  const [table, setTable] = useState(false);
  const [chosen, setChosen] = useState<number | null>(null);
  const { stages } = useRunView();
  const last = stages.length - 1;
  const place = Math.min(chosen ?? last, last);
  const report = stages[place]?.report;
  const rows = savedRows(stages, place);
  const storage = report ? storageRows(report) : [];
  return (
    <Card
      head={
        <>
          <h2>Savings</h2>
          {report && <StagePicker stages={stages} shown={place} onShow={setChosen} />}
          <ul className="keys sparsity-key">
            <li data-mark="now">now</li>
            <li data-mark="was">before</li>
          </ul>
          <TableSwitch title="Savings" table={table} onSwitch={setTable} />
        </>
      }
    >
      {!report ? (
        <p className="chart-empty">No stage so far.</p>
      ) : table ? (
        <StageTable
          title="Savings"
          head={['After the stage', 'Now', 'Before', 'Change']}
          rows={[
            ...rows.map((row) => [
              row.label,
              amount(row, row.now),
              amount(row, row.before),
              change(row.now, row.before),
            ]),
            ...storage.map(({ label, bits }) => [
              `Storage: ${label}`,
              kilobytes(bits),
              kilobytes(report.storage.dense),
              change(bits, report.storage.dense),
            ]),
            ...report.layers.map(({ layer, weights }) => [
              `Weights of ${layer}`,
              weights.kept.toLocaleString('en'),
              weights.dense.toLocaleString('en'),
              change(weights.kept, weights.dense),
            ]),
          ]}
        />
      ) : (
        <div className="savings">
          <div className="saved">
            <h3>What is left</h3>
            {rows.map((row) => (
              <Saved key={row.what} row={row} />
            ))}
          </div>
          <div className="stored">
            <h3>Storage, patterns included</h3>
            {storage.map((row) => (
              <Stored key={row.label} row={row} most={storage[0]?.bits ?? 1} />
            ))}
          </div>
          <p className="savings-notes">{savingNotes(stages, place).join(' ')}</p>
        </div>
      )}
    </Card>
  );
}

const width = (share: number): CSSProperties => ({ width: `${Math.min(1, Math.max(0, share)) * 100}%` });

const amount = ({ what }: SavedRow, value: number): string =>
  what === 'time' ? `${value.toFixed(value < 10 ? 2 : 1)} ms` : compactNumber(value);

/** What went or came, as a share of what there was. */
const change = (now: number, before: number): string => {
  const share = before > 0 ? 1 - now / before : 0;
  return `${share > 0 ? '−' : share < 0 ? '+' : ''}${percent(Math.abs(share))}`;
};

function Saved({ row }: { row: SavedRow }) {
  return (
    <div className="bar-row" data-what={row.what}>
      <p>
        <span>{row.label}</span>
        <span>
          {amount(row, row.now)} <small>of {amount(row, row.before)}</small> <b>{change(row.now, row.before)}</b>
        </span>
      </p>
      <div className="bar-track" aria-hidden>
        <span style={width(row.before > 0 ? row.now / row.before : 0)} />
      </div>
    </div>
  );
}

function Stored({ row: { label, bits }, most }: { row: StorageRow; most: number }) {
  return (
    <div className="bar-row">
      <p>
        <span>{label}</span>
        <b>{kilobytes(bits)}</b>
      </p>
      <div className="bar-track" aria-hidden>
        <span style={width(bits / most)} />
      </div>
    </div>
  );
}
