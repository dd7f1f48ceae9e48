import { useMemo } from 'react';
import type { DensityReport } from '../../core/density/report.ts';
import { type SchemeSpec, budgetsOf } from '../../core/spec/spec.ts';
import { useLabState, useRunView } from '../app/lab-context.tsx';
import { type DensityRow, type Unit, rowsOf } from './bars.ts';
import { type Ground, groundOf, hasDensities, levelOf, planOf, unitOf, withKeep } from './plan.ts';

/** What the bars show: what the prepared run kept or, before it is prepared and while the draft differs, what it will. */
export interface Picture {
  readonly ground: Ground;
  /** The scheme as the draft has it. */
  readonly scheme: SchemeSpec;
  /** What the only budget counts; null where there are two. */
  readonly unit: Unit | null;
  readonly keep: number;
  readonly level: number | null;
  readonly rows: readonly DensityRow[];
  /** What the run told; null where this is a plan. */
  readonly report: DensityReport | null;
  /** Why the budget cannot be met. */
  readonly problem: string | null;
}

/** The picture of the selected run; `preview` is a share to keep that is being tried. Null without densities. */
export function usePicture(preview: number | null = null): Picture | null {
  const view = useRunView();
  const spec = useLabState(({ parsed, opened }) => (parsed.ok ? parsed.spec : opened));
  const model = spec?.model;
  const own = spec?.scheme;
  const prepared = view.start?.spec;
  const current = preview === null && prepared && same(prepared.scheme, own) && same(prepared.model, model);
  const report = current ? view.densities : null;
  const ground = useMemo(() => (model ? groundOf(model) : null), [model]);
  return useMemo(() => {
    if (!ground || !own || !hasDensities(own.id)) return null;
    return pictureOf(ground, preview === null ? own : withKeep(own, preview), report);
  }, [ground, own, preview, report]);
}

function pictureOf(ground: Ground, scheme: SchemeSpec, report: DensityReport | null): Picture {
  const budgets = budgetsOf(scheme.budget);
  const unit = unitOf(budgets);
  const keep = budgets[0]?.keep ?? 1;
  const base = { ground, scheme, unit, keep, level: unit && levelOf(ground.layers, unit, keep), report };
  if (report) return { ...base, rows: rowsOf(report), problem: null };
  try {
    return { ...base, rows: planOf(ground, scheme).rows, problem: null };
  } catch (error) {
    const rows = ground.layers.map(({ id, weights, macs }) => ({ layer: id, weights, macs, asked: null, kept: null }));
    return { ...base, rows, problem: error instanceof Error ? error.message : String(error) };
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
