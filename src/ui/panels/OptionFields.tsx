import { JsonInput, NativeSelect, Switch } from '@mantine/core';
import { useState } from 'react';
import type { Scheme } from '../../core/scheme/scheme.ts';
import type { OptionField } from '../../core/spec/options.ts';
import { useLab } from '../app/lab-context.tsx';
import { Field, useDraftValue, useProblem, useProblemBelow } from './fields.tsx';

const SOURCES = { paper: 'the paper', code: 'the authors’ code', ours: 'ours' } as const;

/** A scheme's options, generated from its list of fields; each says whose default it is. */
export const OptionFields = ({ scheme }: { scheme: Scheme }) => (
  <div className="options">
    {scheme.options.map((field) => (
      <div key={field.key} className="option">
        <Control field={field} />
        <p>
          {field.help} <span className="source">Default: {SOURCES[field.source]}.</span>
        </p>
      </div>
    ))}
  </div>
);

function Control({ field }: { field: OptionField }) {
  const { actions } = useLab();
  const path = `scheme.${field.key}`;
  const value = useDraftValue(path);
  const error = useProblem(path);
  switch (field.type) {
    case 'number':
    case 'integer':
      return (
        <Field
          path={path}
          label={field.label}
          min={field.min}
          max={field.max}
          step={field.step}
          integer={field.type === 'integer'}
        />
      );
    case 'choice':
      return (
        <NativeSelect
          label={field.label}
          data={field.choices.map(({ value: id, label }) => ({ value: id, label }))}
          value={typeof value === 'string' ? value : ''}
          error={error}
          onChange={(event) => actions.edit(path, event.currentTarget.value)}
        />
      );
    case 'boolean':
      return (
        <Switch
          label={field.label}
          checked={value === true}
          onChange={(event) => actions.edit(path, event.currentTarget.checked)}
        />
      );
    case 'channels':
      return <KeptChannelsInput path={path} label={field.label} />;
  }
}

/** The channels to keep of each layer, as JSON; what is no JSON yet stays in the field. */
function KeptChannelsInput({ path, label }: { path: string; label: string }) {
  const { actions } = useLab();
  const value = useDraftValue(path);
  const [text, setText] = useState(() => JSON.stringify(value ?? {}));
  return (
    <JsonInput
      label={label}
      value={text}
      error={useProblemBelow(path)}
      placeholder='{ "conv1": [0, 1, 2], "conv2": 12 }'
      validationError="This is not JSON yet."
      autosize
      onChange={(next) => {
        setText(next);
        const parsed = parseJson(next);
        if (parsed !== undefined) actions.edit(path, parsed);
      }}
    />
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
