import { NativeSelect, Slider } from '@mantine/core';
import { useMemo } from 'react';
import type { Scheme } from '../../core/scheme/scheme.ts';
import { budgetChannels } from '../../core/events/view.ts';
import { useLab, useRunView } from '../app/lab-context.tsx';
import { compactNumber } from '../widgets/format.ts';
import { useDraftText, useDraftValue, useProblem } from './fields.tsx';

const KINDS = { channels: 'Channels', macs: 'MACs', parameters: 'Parameters' } as const;
const MARKS = [25, 50, 75].map((value) => ({ value, label: `${value} %` }));

/** What to keep: a share of the channels, MACs or parameters, with what that comes to in this network. */
export function BudgetField({ scheme }: { scheme: Scheme }) {
  const { actions } = useLab();
  const view = useRunView();
  const kind = useDraftText('scheme.budget.kind') || scheme.budgets[0];
  const keep = Number(useDraftValue('scheme.budget.keep') ?? 0.5);
  const kindProblem = useProblem('scheme.budget.kind');
  const keepProblem = useProblem('scheme.budget.keep');
  const total = useMemo(() => (view.start ? budgetChannels(view.start) : 0), [view.start]);
  const amount = useMemo(() => {
    const dense = view.start?.dense;
    if (!dense) return '';
    if (kind === 'channels') return `${Math.ceil(keep * total - 1e-9)} of ${total} channels`;
    const whole = kind === 'macs' ? dense.macs : dense.parameters;
    return `at most ${compactNumber(keep * whole)} of ${compactNumber(whole)}`;
  }, [kind, keep, total, view.start]);
  // A change of share changes what the other options may be, so they go back to their defaults.
  const set = (key: 'kind' | 'keep', value: unknown): void => {
    actions.edit('scheme.budget', { kind, keep, [key]: value });
    if (key === 'keep') actions.edit('scheme.regrow', undefined);
  };
  return (
    <div className="budget">
      <div className="setup-pair">
        <NativeSelect
          label="Budget"
          data={scheme.budgets.map((id) => ({ value: id, label: KINDS[id] }))}
          value={kind ?? ''}
          error={kindProblem}
          onChange={(event) => set('kind', event.currentTarget.value)}
        />
        <p className="budget-amount">
          <strong>{Math.round(keep * 1_000) / 10} %</strong>
          <span>{amount}</span>
        </p>
      </div>
      <Slider
        thumbLabel="Share to keep"
        min={5}
        max={100}
        step={1}
        marks={MARKS}
        size="sm"
        label={(value) => `keep ${value} %`}
        value={Math.round(keep * 100)}
        onChange={(value) => set('keep', value / 100)}
      />
      {keepProblem && <p className="setup-problems">{keepProblem}</p>}
    </div>
  );
}
