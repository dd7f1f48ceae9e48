import type { Scheme } from '../../core/scheme/scheme.ts';
import type { KeptRun } from '../../state/kept.ts';

/** What the table of kept runs can be sorted by. */
export type Column = 'name' | 'scheme' | 'network' | 'step' | 'state' | 'updated' | 'bytes';

export interface Order {
  readonly column: Column;
  readonly descending: boolean;
}

/** How a column begins when it is chosen: texts from A, numbers from the largest or latest. */
export const firstOrder = (column: Column): Order => ({
  column,
  descending: column === 'step' || column === 'updated' || column === 'bytes',
});

export const nextOrder = (order: Order, column: Column): Order =>
  order.column === column ? { column, descending: !order.descending } : firstOrder(column);

export const schemeOf = ({ spec }: KeptRun, schemes: readonly Pick<Scheme, 'id' | 'title'>[]): string =>
  schemes.find(({ id }) => id === spec.scheme.id)?.title ?? spec.scheme.id;

export const networkOf = ({ spec: { model } }: KeptRun): string =>
  model.width === 1 ? model.id : `${model.id} × ${model.width}`;

const STATES: Readonly<Record<KeptRun['state'], string>> = {
  running: 'interrupted',
  paused: 'paused',
  stopped: 'stopped',
  done: 'finished',
  error: 'failed',
};

/** Where a kept run stands, in a word. */
export function stateOf({ state, writer }: KeptRun): string {
  if (writer === 'elsewhere') return 'open in another tab';
  return writer === 'here' ? 'open here' : STATES[state];
}

/** The runs in an order; equal ones stay as they come. */
export function sorted(
  runs: readonly KeptRun[],
  { column, descending }: Order,
  schemes: readonly Pick<Scheme, 'id' | 'title'>[],
): readonly KeptRun[] {
  const valueOf: Record<Column, (run: KeptRun) => string | number> = {
    name: ({ name }) => name,
    scheme: (run) => schemeOf(run, schemes),
    network: networkOf,
    step: ({ step, steps }) => (steps > 0 ? step / steps : 0),
    state: stateOf,
    updated: ({ updated }) => updated,
    bytes: ({ bytes }) => bytes,
  };
  const sign = descending ? -1 : 1;
  return [...runs].sort((a, b) => sign * compare(valueOf[column](a), valueOf[column](b)));
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true });

/** 640 B, 12 kB, 3.4 MB, 1.2 GB. */
export function sizeOf(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${(bytes / 1e9).toFixed(1)} GB`;
}

/** Just now, 5 min ago, 3 h ago, 2 days ago. */
export function ago(time: number, now: number): string {
  const seconds = Math.max(0, (now - time) / 1_000);
  if (seconds < 60) return 'just now';
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  const days = Math.floor(seconds / 86_400);
  return days === 1 ? 'yesterday' : `${days} days ago`;
}

export const stepsOf = ({ step, steps }: KeptRun): string =>
  `${step.toLocaleString('en')} of ${steps.toLocaleString('en')}`;
