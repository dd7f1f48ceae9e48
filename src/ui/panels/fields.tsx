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

interface NumberProps {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly integer?: boolean;
  readonly title?: string | undefined;
}

/** A number of the draft. Emptying it gives the key back its default; what is out of range is said, not corrected. */
export function Field({ path, ...props }: NumberProps & { readonly path: string }) {
  const { actions } = useLab();
  return (
    <NumberControl
      {...props}
      value={useDraftValue(path)}
      error={useProblem(path)}
      onChange={(next) => actions.edit(path, next)}
    />
  );
}

interface NumberControlProps extends NumberProps {
  /** Where the label that is seen does not tell enough. */
  readonly name?: string | undefined;
  readonly size?: 'xs' | 'sm';
  readonly value: unknown;
  readonly error: string | undefined;
  /** Of text that is no number yet the text; undefined when emptied. */
  onChange(value: number | string | undefined): void;
}

export function NumberControl(props: NumberControlProps) {
  const { name, value, step = 1, integer = false, onChange, ...rest } = props;
  return (
    <NumberInput
      {...rest}
      aria-label={name}
      value={typeof value === 'number' || typeof value === 'string' ? value : ''}
      step={step}
      clampBehavior="none"
      allowDecimal={!integer}
      onChange={(next) => onChange(next === '' ? undefined : next)}
    />
  );
}
