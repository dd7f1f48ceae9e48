import type { Widths } from '../network/index.ts';
import type { Spec } from '../spec/spec.ts';
import type { AdapterRecord, LatencyRecord, RunEvent } from './events.ts';
import { type MaskEntry, maskEntries } from './stage.ts';
import { withoutUndone } from './undone.ts';

/** One training step: the state after everything that happened at it. */
export interface HistoryRow {
  readonly step: number;
  readonly epoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly testLoss?: number;
  readonly testAccuracy?: number;
  readonly widths: Widths;
  readonly macs: number;
  readonly parameters: number;
}

/** `result.json` (DESIGN section 9). */
export interface RunResult {
  readonly spec: Spec;
  readonly adapter: AdapterRecord;
  readonly history: readonly HistoryRow[];
  /**
   * Everything but training steps and evaluations, which are the history; after a stage of structured sparsity the layers
   * that it took weights from.
   */
  readonly events: readonly (RunEvent | MaskEntry)[];
  readonly final: {
    readonly testAccuracy?: number;
    readonly testLoss?: number;
    readonly widths: Widths;
    readonly macs: number;
    readonly parameters: number;
    readonly dense: { readonly macs: number; readonly parameters: number };
    readonly latencyMs: readonly LatencyRecord[];
    readonly imagesPerSecond: number;
  };
}

interface Sizes {
  readonly widths: Widths;
  readonly macs: number;
  readonly parameters: number;
}

/** One row a training step. Decisions and evaluations of a step belong to its row. */
export function historyOf(events: readonly RunEvent[]): readonly HistoryRow[] {
  const rows: HistoryRow[] = [];
  let sizes: Sizes = { widths: {}, macs: 0, parameters: 0 };
  const amend = (step: number, change: Partial<HistoryRow>): void => {
    const row = rows.at(-1);
    if (row?.step === step) rows[rows.length - 1] = { ...row, ...change };
  };
  for (const event of withoutUndone(events)) {
    switch (event.kind) {
      case 'start':
        sizes = event.dense;
        break;
      case 'structure':
        sizes = { widths: event.widths, macs: event.macs, parameters: event.parameters };
        amend(event.step, sizes);
        break;
      case 'step': {
        const { step, epoch, trainLoss, trainAccuracy } = event;
        rows.push({
          step,
          epoch,
          trainLoss,
          trainAccuracy,
          widths: sizes.widths,
          macs: sizes.macs,
          parameters: sizes.parameters,
        });
        break;
      }
      case 'evaluate':
        amend(event.step, { testLoss: event.testLoss, testAccuracy: event.testAccuracy });
        break;
      default:
        break;
    }
  }
  return rows;
}

/** The result of a run, finished or not. Throws when the events do not begin with a start. */
export function resultOf(log: readonly RunEvent[]): RunResult {
  const events = withoutUndone(log);
  const start = events.find((event) => event.kind === 'start');
  if (!start) throw new Error('This run has no history yet.');
  const history = historyOf(events);
  const structure = events.findLast((event) => event.kind === 'structure');
  const evaluation = events.findLast((event) => event.kind === 'evaluate');
  const finish = events.findLast((event) => event.kind === 'finish');
  const { dense } = start;
  const { widths, macs, parameters } = structure ?? dense;
  return {
    spec: start.spec,
    adapter: start.adapter,
    history,
    events: happenings(events),
    final: {
      ...(evaluation ? { testAccuracy: evaluation.testAccuracy, testLoss: evaluation.testLoss } : {}),
      widths,
      macs,
      parameters,
      dense: { macs: dense.macs, parameters: dense.parameters },
      latencyMs: finish?.latencyMs ?? [],
      imagesPerSecond: finish?.imagesPerSecond ?? 0,
    },
  };
}

function happenings(events: readonly RunEvent[]): RunResult['events'] {
  const stages = events.filter((event) => event.kind === 'stage');
  return events.flatMap((event): RunResult['events'] => {
    if (event.kind === 'step' || event.kind === 'evaluate') return [];
    return event.kind === 'stage' ? [event, ...maskEntries(event, stages[stages.indexOf(event) - 1])] : [event];
  });
}
