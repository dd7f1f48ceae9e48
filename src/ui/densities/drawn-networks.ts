import { crop } from '../../core/density/index.ts';
import { costOf } from '../../core/network/index.ts';
import { type Budget, type SchemeSpec, budgetsOf } from '../../core/spec/spec.ts';
import { type DrawnLayer, drawnLayers } from './drawing.ts';
import { type Ground, cropOf } from './plan.ts';

/** A network to draw, and what it costs. */
export interface DrawnNetwork {
  readonly title: string;
  readonly note: string;
  /** Null where the widths are not known. */
  readonly layers: readonly DrawnLayer[] | null;
  readonly weights: number;
  readonly macs: number;
}

/**
 * The original network, the crop that a scheme makes of it, and PreConfig under both budgets. `running`: widths of the
 * prepared run, where they follow from scores that only it has. A mask crops nothing: beside it stands the crop of its budget.
 */
export function drawnNetworks(
  ground: Ground,
  scheme: SchemeSpec,
  running: ReadonlyMap<string, number> | null,
): readonly DrawnNetwork[] {
  const { network, channels } = ground;
  const drawn = (title: string, note: string, widths: ReadonlyMap<string, number>): DrawnNetwork => ({
    title,
    note,
    layers: drawnLayers(network, widths),
    weights: costOf(network, 'parameters')(widths),
    macs: costOf(network, 'macs')(widths),
  });
  const unknown = (title: string, note: string): DrawnNetwork => ({ title, note, layers: null, weights: 0, macs: 0 });
  const attempt = (title: string, note: string, widths: () => ReadonlyMap<string, number> | null): DrawnNetwork => {
    try {
      const found = widths();
      return found ? drawn(title, note, found) : unknown(title, 'known when the run is prepared');
    } catch (error) {
      return unknown(title, error instanceof Error ? error.message : String(error));
    }
  };
  const own = scheme['preConfig'] === true;
  const masked = scheme.id !== 'precrop';
  const cropped: SchemeSpec = masked
    ? { id: 'precrop', densities: 'synexp', ...(scheme.budget ? { budget: scheme.budget } : {}) }
    : { ...scheme, preConfig: false };
  const keeps = budgetsOf(scheme.budget);
  const shareOf = (kind: 'parameters' | 'macs'): number =>
    own ? (keeps.find((budget) => budget.kind === kind)?.keep ?? 1) : 1;
  const budgets = (['parameters', 'macs'] as const).map((kind) => ({ kind, keep: shareOf(kind) }));
  return [
    drawn('Original', '', channels),
    attempt('Cropped', noteOf(keeps), () => cropOf(ground, cropped)?.widths ?? (masked ? null : running)),
    attempt('PreConfig', noteOf(budgets), () => crop({ network, budgets, preConfig: true }).widths),
  ];
}

const UNITS = { parameters: 'weights', macs: 'MACs', channels: 'channels' } as const;
function noteOf(budgets: readonly Budget[]): string {
  const [first] = budgets;
  if (!first) return '';
  if (budgets.every(({ keep }) => keep === 1)) return 'original budget';
  const units = budgets.map(({ kind }) => UNITS[kind]).join(' and ');
  if (budgets.every(({ keep }) => keep === first.keep)) return `${shareText(first.keep)} of the ${units}`;
  return budgets.map(({ kind, keep }) => `${shareText(keep)} of the ${UNITS[kind]}`).join(', ');
}

const shareText = (keep: number): string => `${Math.round(keep * 1_000) / 10} %`;
