import { useState } from 'react';
import { useRunView } from '../app/lab-context.tsx';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { percent } from '../widgets/format.ts';
import { MomentsPlot } from './MomentsPlot.tsx';
import { StageTable } from './StageTable.tsx';
import { type StageMoments, momentsOf, stageName } from './stages.ts';
import './sparsity.css';

/** Test accuracy before each stage, with its mask, recalibrated, and retrained. */
export function MomentsCard() {
  const [table, setTable] = useState(false);
  const view = useRunView();
  const stages = view.stages.flatMap(({ step, report, accuracy }, place): StageMoments[] => {
    const moments = momentsOf(view, place);
    const name = stageName(report.index, report.granularity);
    return moments ? [{ name, step, images: accuracy.images, ...moments }] : [];
  });
  return (
    <Card
      head={
        <>
          <h2>Stages</h2>
          <ul className="keys sparsity-key">
            <li data-mark="before">before</li>
            <li data-mark="masked">masked</li>
            <li data-mark="recalibrated">recalibrated</li>
            <li data-mark="retrained">retrained</li>
            <li data-mark="point">1 point lost</li>
          </ul>
          <TableSwitch title="Stages" table={table} onSwitch={setTable} />
        </>
      }
    >
      {table ? (
        <StageTable
          title="Stages"
          head={['Stage', 'At step', 'Before', 'Masked', 'Recalibrated', 'Retrained', 'at step', 'Images']}
          rows={stages.map((stage) => [
            stage.name,
            stage.step.toLocaleString('en'),
            percent(stage.before),
            percent(stage.masked),
            stage.recalibrated === null ? '–' : percent(stage.recalibrated),
            stage.retrained ? percent(stage.retrained.accuracy) : 'not yet',
            stage.retrained?.step.toLocaleString('en') ?? '–',
            stage.images.toLocaleString('en'),
          ])}
        />
      ) : stages.length > 0 ? (
        <MomentsPlot stages={stages} />
      ) : (
        <p className="chart-empty">No stage so far.</p>
      )}
    </Card>
  );
}
