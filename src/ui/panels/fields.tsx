import { NumberInput } from '@mantine/core';
import { useLab, useLabState } from '../app/lab-context.tsx';

/** Value at a dotted path of the draft; where the draft says nothing, the default that parsing filled in. */
export function useDraftValue(path: string): unknown {
  return useLabState(({ draft, parsed }) => at(draft, path) ?? (parsed.ok ? at(parsed.spec, path) : undefined));
}

/** The same as text, empty where there is none: what a select or text field shows. */
export function useDraftText(path: string): string {
  const value = useDraftValue(path);
  return typeof value === 'string' ? value : '';
}

function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Record<string, unknown>)[key];
  }, object);
}

/** Why the value at a path was refused, or undefined. */
export function useProblem(path: string): string | undefined {
  return useLabState(({ parsed }) =>
    parsed.ok ? undefined : parsed.problems.find((problem) => problem.path === path)?.message,
  );
}

/** Why the value at a path, or an entry of it, was refused, or undefined. */
export function useProblemBelow(path: string): string | undefined {
  return useLabState(({ parsed }) =>
    parsed.ok ? undefined : parsed.problems.find((problem) => `${problem.path}.`.startsWith(`${path}.`))?.message,
  );
}

interface FieldProps {
  readonly path: string;
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly integer?: boolean;
  readonly title?: string;
}

/** A number of the draft. Emptying it gives the key back its default; what is out of range is said, not corrected. */
export function Field({ path, label, min, max, step = 1, integer = false, title }: FieldProps) {
  const { actions } = useLab();
  const value = useDraftValue(path);
  return (
    <NumberInput
      label={label}
      title={title}
      value={typeof value === 'number' || typeof value === 'string' ? value : ''}
      min={min}
      max={max}
      step={step}
      clampBehavior="none"
      allowDecimal={!integer}
      error={useProblem(path)}
      onChange={(next) => actions.edit(path, next === '' ? undefined : next)}
    />
  );
}
