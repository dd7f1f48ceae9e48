import type { RunView } from '../../core/events/view.ts';
import type { Lane } from '../../state/lanes.ts';
import type { Written } from '../../state/export.ts';
import type { Lab } from '../../state/store.ts';

/** What an export is taken of. */
export interface ExportChoice {
  readonly lab: Lab;
  /** The selected run, and how it stands at the cursor. */
  readonly lane: Lane;
  readonly view: RunView;
  /** The step that is looked at; null while live. */
  readonly cursor: number | null;
  /** The runs whose results are taken. */
  readonly runs: readonly Lane[];
}

/** An entry of the menu. */
export interface ExportItem {
  readonly title: string;
  /** What one gets, in a few words. */
  readonly summary: string;
  readonly section: 'network' | 'run' | 'results';
  /** Why it cannot be had, in a few words; null where it can. */
  readonly why: (choice: ExportChoice) => string | null;
  /** Makes the files. Rejects with a sentence. */
  readonly write: (choice: ExportChoice) => Promise<Written>;
}

/** Scripts of their own: the page is to begin soon. */
const writers = (): Promise<typeof import('../../state/export.ts')> => import('../../state/export.ts');

const whyNoNetwork = ({ lane, view, cursor }: ExportChoice): string | null => {
  if (lane.recorded) return 'A recording has no parameters';
  if (!view.start) return 'The run is not open';
  if (cursor !== null && !lane.snapshots.includes(view.step))
    return `Step ${view.step} is not kept; go to a marked step`;
  return null;
};
const whyNoRun = ({ lane, lab, view }: ExportChoice): string | null => {
  if (lane.recorded) return 'A recording cannot go on';
  return !view.start || lab.live(lane.run).step === 0 ? 'Nothing has been trained yet' : null;
};
const whyNoResults = ({ runs }: ExportChoice): string | null => (runs.length === 0 ? 'No run is open' : null);
const whyNoRows = (choice: ExportChoice): string | null =>
  whyNoResults(choice) ??
  (choice.runs.every(({ run }) => choice.lab.live(run).step === 0) ? 'Nothing has been trained yet' : null);

const network = (id: 'onnx' | 'tfjs' | 'safetensors', title: string, summary: string): ExportItem => ({
  title,
  summary,
  section: 'network',
  why: whyNoNetwork,
  write: async ({ lab, lane, view, cursor }) =>
    (await writers()).writeNetwork(lab, lane, id, cursor === null ? null : view.step),
});

const results = (id: 'csv' | 'json', title: string, summary: string, why: ExportItem['why']): ExportItem => ({
  title,
  summary,
  section: 'results',
  why,
  write: async ({ lab, runs }) => (await writers()).writeResults(lab, runs, id),
});

/** All that the menu offers, in its order. */
export const EXPORTS: readonly ExportItem[] = [
  network('onnx', 'ONNX', 'For ONNX Runtime and most others'),
  network('tfjs', 'TF.js layers model', 'Two files for TensorFlow.js'),
  network('safetensors', 'safetensors', 'Weights alone, for a program of your own'),
  {
    title: 'Run file',
    summary: 'To go on with it in another browser',
    section: 'run',
    why: whyNoRun,
    write: async ({ lab, lane }) => (await import('../../state/run-files.ts')).writeRunFile(lab, lane),
  },
  results('csv', 'Results (CSV)', 'A row a training step', whyNoRows),
  results('json', 'Results (JSON)', 'Spec, history, events and final figures', whyNoResults),
  {
    title: 'Picture (PNG)',
    summary: 'Curves, channels and figures, for a slide',
    section: 'results',
    why: whyNoRows,
    write: async (choice) => (await import('./picture.ts')).writePicture(choice),
  },
];
