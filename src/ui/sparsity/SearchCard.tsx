import { useState } from 'react';
import type { Choice, ChoiceReport } from '../../core/sparsity/index.ts';
import type { SchemeProgress } from '../../core/scheme/scheme.ts';
import type { SearchRound } from '../../core/search/index.ts';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';
import { Card, TableSwitch } from '../charts/Card.tsx';
import { schemeProgressOf } from '../panels/status.ts';
import { percent } from '../widgets/format.ts';
import { StagePicker } from './Pickers.tsx';
import { SearchCloud } from './SearchCloud.tsx';
import { StageTable } from './StageTable.tsx';
import { cloudOf, marksOf } from './cloud.ts';
import './sparsity.css';

const CHOICE_NAMES: Readonly<Record<Choice, string>> = {
  random: 'random mask',
  best: 'best of N',
  magnitude: 'magnitude',
  particles: 'particle filter',
};
const NO_ROUNDS: readonly SearchRound[] = [];

/** The search for a stage's mask, live while it goes on. */
export function SearchCard() {
  const [table, setTable] = useState(false);
  const [chosen, setChosen] = useState<number | null>(null);
  const view = useRunView();
  // Read at the pace of the charts, which render this: masks may be scored many times a second.
  const { lanes, selected } = useLab().store.getState();
  const lane = lanes.find(({ run }) => run === selected);
  const atEnd = useLabState(({ cursor }) => cursor === null);
  const stages = view.stages.filter(({ report }) => report.chosen !== null);
  const progress = atEnd && lane?.schemeProgress?.rounds ? lane.schemeProgress : null;
  const last = stages.length - (progress ? 0 : 1);
  const place = Math.min(chosen ?? last, last);
  const report = stages[place]?.report.chosen ?? null;
  const searching = report ? null : progress;
  const rounds = report?.rounds ?? searching?.rounds ?? NO_ROUNDS;
  // While it is searched, the spec tells how.
  const choose = report?.choose ?? choiceOf(lane?.spec.scheme['stages'], view.stages.length) ?? 'particles';
  const drawn = choose !== 'particles';
  const cloud = cloudOf(rounds, drawn);
  const marks = report ? marksOf(report) : [];
  return (
    <Card
      head={
        <>
          <h2>Search</h2>
          {last >= 0 && (
            <StagePicker
              stages={stages}
              shown={place}
              more={progress ? `Stage ${view.stages.length + 1} now` : undefined}
              onShow={setChosen}
            />
          )}
          {rounds.length > 0 && (
            <ul className="keys sparsity-key">
              <li data-mark="particle">{drawn ? 'a mask' : 'a mask, its size by weight'}</li>
              {!drawn && <li data-mark="parent">parent</li>}
            </ul>
          )}
          {rounds.length === 0 && <span className="keys" />}
          <TableSwitch title="Search" table={table} onSwitch={setTable} />
        </>
      }
    >
      {table ? (
        <RoundTable rounds={rounds} report={report} />
      ) : rounds.length > 0 ? (
        <div className="sparsity-body">
          <SearchCloud cloud={cloud} rounds={rounds} marks={marks} drawn={drawn} />
          <p className="sparsity-foot" aria-live={searching ? 'polite' : undefined}>
            {searching ? progressText(searching) : report && reportText(report)}
          </p>
        </div>
      ) : report ? (
        <Numbers report={report} />
      ) : (
        <p className="chart-empty">
          {searching ? schemeProgressOf(searching) : 'Masks are chosen when the first stage is due.'}
        </p>
      )}
    </Card>
  );
}

/** How the stage of a place is to choose, as the spec says; null where it does not. */
function choiceOf(stages: unknown, place: number): Choice | null {
  const stage: unknown = Array.isArray(stages) ? stages[place] : null;
  const choose = typeof stage === 'object' && stage !== null && 'choose' in stage ? stage.choose : null;
  return choose === 'random' || choose === 'best' || choose === 'magnitude' || choose === 'particles' ? choose : null;
}

function progressText(progress: SchemeProgress): string {
  const best = progress.rounds?.at(-1)?.best;
  return best === undefined
    ? schemeProgressOf(progress)
    : `${schemeProgressOf(progress)}. Best so far ${percent(best)} of the held-out images.`;
}

function reportText({ choose, accuracy, evaluations, images }: ChoiceReport): string {
  const masks = evaluations === 1 ? 'one mask' : `${evaluations.toLocaleString('en')} masks`;
  return `Taken: ${percent(accuracy)} of ${images.toLocaleString('en')} held-out images, by ${CHOICE_NAMES[choose]}, ${masks} scored. Before any retraining.`;
}

/** Choices that search nothing: just what they scored. */
function Numbers({ report }: { report: ChoiceReport }) {
  const { choose, accuracy, magnitude, bestOfN, images } = report;
  return (
    <div className="search-numbers">
      <dl>
        <div>
          <dt>Taken: {CHOICE_NAMES[choose]}</dt>
          <dd>{percent(accuracy)}</dd>
        </div>
        {choose !== 'magnitude' && (
          <div>
            <dt>Magnitude</dt>
            <dd>{percent(magnitude)}</dd>
          </div>
        )}
        {bestOfN && (
          <div>
            <dt>Best of {bestOfN.evaluations} random masks</dt>
            <dd>{percent(bestOfN.accuracy)}</dd>
          </div>
        )}
      </dl>
      <p>Accuracy on {images.toLocaleString('en')} held-out images, before any retraining. Nothing was searched.</p>
    </div>
  );
}

function RoundTable({ rounds, report }: { rounds: readonly SearchRound[]; report: ChoiceReport | null }) {
  const found = rounds.map(({ round, scores, best, effectiveSampleSize }) => [
    `Round ${round + 1}`,
    String(scores.length),
    effectiveSampleSize.toFixed(1),
    percent(Math.min(...scores)),
    percent(Math.max(...scores)),
    percent(best),
  ]);
  const single = (name: string, masks: number, accuracy: number): readonly string[] => [
    name,
    String(masks),
    '–',
    '–',
    '–',
    percent(accuracy),
  ];
  const rows = [
    ...found,
    ...(report ? [single(`Taken, ${CHOICE_NAMES[report.choose]}`, report.evaluations, report.accuracy)] : []),
    ...(report ? [single('Magnitude', 1, report.magnitude)] : []),
    ...(report?.bestOfN ? [single('Best of N', report.bestOfN.evaluations, report.bestOfN.accuracy)] : []),
  ];
  const head = ['Search', 'Masks', 'Effective sample size', 'Lowest', 'Highest', 'Best so far'];
  return <StageTable title="Search" head={head} rows={rows} />;
}
