import { NativeSelect, Switch } from '@mantine/core';
import type { PlainField, PlainValue } from '../../core/spec/options.ts';
import { NumberControl } from './fields.tsx';

export interface PlainOptionProps {
  readonly field: PlainField;
  /** What it is called where its label, which is seen, does not tell enough. */
  readonly name?: string;
  readonly size?: 'xs' | 'sm';
  readonly title?: string;
  readonly value: unknown;
  readonly error: string | undefined;
  /** Undefined: back to the default. */
  onChange(value: PlainValue | undefined): void;
}

/** The control of an option that is a number, a choice or a yes or no. */
export function PlainOption({ field, name, size = 'sm', title, value, error, onChange }: PlainOptionProps) {
  const { label } = field;
  switch (field.type) {
    case 'number':
    case 'integer': {
      const { min, max, step } = field;
      const range = { label, min, max, step, integer: field.type === 'integer' };
      return <NumberControl {...range} {...{ name, size, title, value, error, onChange }} />;
    }
    case 'choice':
      return (
        <NativeSelect
          {...{ label, size, title, error }}
          aria-label={name}
          data={field.choices.map(({ value: id, label: text }) => ({ value: id, label: text }))}
          value={typeof value === 'string' ? value : ''}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      );
    case 'boolean':
      return (
        <Switch
          {...{ label, size, title, error }}
          aria-label={name}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
  }
}
