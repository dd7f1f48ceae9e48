import { NativeSelect, Slider } from '@mantine/core';
import { type ReactNode, useMemo } from 'react';
import { budgetChannels } from '../../core/events/view.ts';
import type { Scheme } from '../../core/scheme/scheme.ts';
import type { Budget, BudgetKind } from '../../core/spec/spec.ts';
import { useLab, useRunView } from '../app/lab-context.tsx';
import { compactNumber } from '../widgets/format.ts';
import { useDraftValue, useProblem, useProblemBelow } from './fields.tsx';

const KINDS = { channels: 'Channels', macs: 'MACs', parameters: 'Parameters' } as const;
const MARKS = [25, 50, 75].map((value) => ({ value, label: `${value} %` }));
const NAMES = { channels: 'channels', macs: 'MACs', parameters: 'parameters' } as const;
/** Stands for a list of all budgets that the scheme can meet. */
const BOTH = 'both';

/** What to keep: a share of the channels, MACs or parameters, or of several of them, with what that comes to here. */
export function BudgetField({ scheme }: { scheme: Scheme }) {
  const { actions } = useLab();
  const budget = useDraftValue('scheme.budget');
  const list = Array.isArray(budget);
  const budgets = (list ? budget : [budget ?? {}]).map((one) => readBudget(one, scheme));
  const kindProblem = useProblem('scheme.budget.kind');
  const problem = useProblemBelow('scheme.budget');
  // A change of share changes what the other options may be, so they go back to their defaults.
  const set = (next: readonly Budget[], share: boolean): void => {
    actions.edit('scheme.budget', list ? next : next[0]);
    if (share) actions.edit('scheme.regrow', undefined);
  };
  const choose = (kind: string): void => {
    const keepOf = (one: BudgetKind): number =>
      budgets.find((own) => own.kind === one)?.keep ?? budgets[0]?.keep ?? 0.5;
    const all = scheme.budgets.map((one) => ({ kind: one, keep: keepOf(one) }));
    actions.edit('scheme.budget', kind === BOTH ? all : all.find((one) => one.kind === kind));
  };
  const kinds: readonly { value: string; label: string }[] = [
    ...scheme.budgets.map((id) => ({ value: id, label: KINDS[id] })),
    ...(scheme.severalBudgets ? [{ value: BOTH, label: 'Both' }] : []),
  ];
  return (
    <div className="budgets">
      {budgets.map((one, index) => (
        <Share
          key={list ? one.kind : index}
          budget={one}
          alone={!list}
          onKeep={(keep) =>
            set(
              budgets.map((own, at) => (at === index ? { ...own, keep } : own)),
              true,
            )
          }
        >
          {index === 0 && (
            <NativeSelect
              label="Budget"
              data={[...kinds]}
              value={list ? BOTH : one.kind}
              error={kindProblem}
              onChange={(event) => choose(event.currentTarget.value)}
            />
          )}
        </Share>
      ))}
      {problem && problem !== kindProblem && <p className="setup-problems">{problem}</p>}
    </div>
  );
}

/** One share, with what it comes to in this network. */
function Share({
  budget: { kind, keep },
  alone,
  onKeep,
  children,
}: {
  budget: Budget;
  alone: boolean;
  onKeep: (keep: number) => void;
  children?: ReactNode;
}) {
  const view = useRunView();
  const total = useMemo(() => (view.start ? budgetChannels(view.start) : 0), [view.start]);
  const dense = view.start?.dense;
  const whole = kind === 'macs' ? dense?.macs : dense?.parameters;
  const amount =
    whole === undefined
      ? ''
      : kind === 'channels'
        ? `${Math.ceil(keep * total - 1e-9)} of ${total} channels`
        : `at most ${compactNumber(keep * whole)} of ${compactNumber(whole)}${alone ? '' : ` ${NAMES[kind]}`}`;
  return (
    <div className="budget">
      <div className="setup-pair">
        {children || <span />}
        <p className="budget-amount">
          <strong>{Math.round(keep * 1_000) / 10} %</strong>
          <span>{amount}</span>
        </p>
      </div>
      <Slider
        thumbLabel={alone ? 'Share to keep' : `Share of ${NAMES[kind]} to keep`}
        min={5}
        max={100}
        step={1}
        marks={MARKS}
        size="sm"
        label={(value) => `keep ${value} %`}
        value={Math.round(keep * 100)}
        onChange={(value) => onKeep(value / 100)}
      />
    </div>
  );
}

/** What the draft says of a budget, which may be anything yet. */
function readBudget(own: unknown, scheme: Scheme): Budget {
  const { kind, keep } = (typeof own === 'object' && own !== null ? own : {}) as Partial<Record<string, unknown>>;
  return {
    kind: scheme.budgets.find((one) => one === kind) ?? scheme.budgets[0] ?? 'channels',
    keep: Number(keep ?? 0.5),
  };
}
