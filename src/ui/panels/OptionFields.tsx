import { JsonInput } from '@mantine/core';
import { useState } from 'react';
import type { Scheme } from '../../core/scheme/scheme.ts';
import type { OptionField } from '../../core/spec/options.ts';
import { useLab } from '../app/lab-context.tsx';
import { PlainOption } from './PlainOption.tsx';
import { useDraftValue, useProblem, useProblemBelow } from './fields.tsx';

export const SOURCES = { paper: 'the paper', code: 'the authors’ code', ours: 'ours' } as const;

/** A scheme's options but for lists (see ListOption), generated from its fields; each says whose default it is. */
export const OptionFields = ({ scheme }: { scheme: Scheme }) => (
  <div className="options">
    {scheme.options.map(
      (field) =>
        field.type !== 'list' && (
          <div key={field.key} className="option">
            <Control field={field} />
            <p>
              {field.help} <span className="source">Default: {SOURCES[field.source]}.</span>
            </p>
          </div>
        ),
    )}
  </div>
);

function Control({ field }: { field: Exclude<OptionField, { type: 'list' }> }) {
  const { actions } = useLab();
  const path = `scheme.${field.key}`;
  const value = useDraftValue(path);
  const error = useProblem(path);
  if (field.type === 'channels') return <KeptChannelsInput path={path} label={field.label} />;
  return <PlainOption field={field} value={value} error={error} onChange={(next) => actions.edit(path, next)} />;
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
