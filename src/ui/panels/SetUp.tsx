import { NativeSelect, NumberInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { ZOO } from '../../core/network/index.ts';
import { PRESETS, RACES } from '../../core/spec/presets.ts';
import { totalSteps } from '../../core/spec/spec.ts';
import { withoutSteps } from '../../state/draft.ts';
import { RECORDINGS } from '../../state/recordings.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { ApplyBar } from './ApplyBar.tsx';
import { BudgetField } from './BudgetField.tsx';
import { Field, useDraftText, useDraftValue, useProblem } from './fields.tsx';
import { ListOption } from './ListOption.tsx';
import { OptionFields } from './OptionFields.tsx';
import { Rivals } from './Rivals.tsx';

/** The form of the draft spec. What it says opens by itself until something has been trained, then on Apply. */
export function SetUp() {
  const { actions, schemes } = useLab();
  const scheme = useDraftText('scheme.id');
  const model = useDraftText('model.id');
  const chosen = schemes.find(({ id }) => id === scheme);
  return (
    <div className="setup">
      <PresetField />
      <NameField />
      <div className="setup-pair wide-first">
        <NativeSelect
          label="Model"
          data={ZOO.map(({ id, title }) => ({ value: id, label: title }))}
          value={model}
          error={useProblem('model.id')}
          onChange={(event) => actions.edit('model.id', event.currentTarget.value)}
        />
        <Field path="model.width" label="Width" min={0.125} max={8} step={0.125} />
      </div>
      <NativeSelect
        label="Scheme"
        data={schemes.map(({ id, title }) => ({ value: id, label: title }))}
        value={scheme}
        error={useProblem('scheme.id')}
        onChange={(event) => actions.edit('scheme', { id: event.currentTarget.value })}
      />
      {chosen && (
        <p className="setup-summary">
          {chosen.summary} {chosen.paper && <cite>{chosen.paper}.</cite>}
        </p>
      )}
      {chosen && chosen.budgets.length > 0 && <BudgetField scheme={chosen} />}
      {chosen?.options.map(
        (field) => field.type === 'list' && <ListOption key={`${chosen.id}.${field.key}`} field={field} />,
      )}
      <Rivals />
      <LengthField />
      <div className="setup-pair">
        <Field path="train.batchSize" label="Batch size" min={1} max={512} integer />
        <Field path="train.learningRate" label="Learning rate" min={0.0001} max={100} step={0.01} />
      </div>
      {chosen?.options.some(({ type }) => type !== 'list') && (
        <details className="setup-more">
          <summary>{chosen.title} options</summary>
          <OptionFields scheme={chosen} />
        </details>
      )}
      <details className="setup-more">
        <summary>Data and optimiser</summary>
        <div className="setup-grid">
          <Field path="data.train" label="Training images" min={2} max={50_000} integer />
          <Field path="data.test" label="Test images" min={1} max={10_000} integer />
          <Field path="data.holdOut" label="Held out" min={1} max={50_000} integer />
          <Field path="seed" label="Seed" min={0} max={4_294_967_295} integer />
          <Field path="train.momentum" label="Momentum" min={0} max={0.999} step={0.05} />
          <Field path="train.weightDecay" label="Weight decay" min={0} max={1} step={0.0001} />
          <Field path="train.warmup" label="Warm-up share" min={0} max={1} step={0.01} />
          <Field path="train.labelSmoothing" label="Label smoothing" min={0} max={0.99} step={0.05} />
          <Field path="train.evaluateEvery" label="Evaluate every" min={1} max={10_000_000} integer />
          <ScheduleField />
          <StorageField />
        </div>
      </details>
      <ApplyBar />
    </div>
  );
}

/** Starting points: one run, which fills the form; a race, which opens at once; or a recording, which is played back. */
function PresetField() {
  const { actions } = useLab();
  const choose = (chosen: string): void => {
    const preset = PRESETS.find(({ id }) => id === chosen);
    if (preset) actions.load(preset.spec);
    const race = RACES.find(({ id }) => id === chosen);
    if (race) actions.race(race.specs);
    const recording = RECORDINGS.find(({ id }) => id === chosen);
    if (recording) void actions.openRecording(recording);
  };
  return (
    <NativeSelect
      label="Preset"
      data={[
        { value: '', label: 'Choose a starting point' },
        { group: 'One run', items: PRESETS.map(({ id, title }) => ({ value: id, label: title })) },
        { group: 'Races', items: RACES.map(({ id, title }) => ({ value: id, label: title })) },
        {
          group: 'Recorded, to look at',
          items: RECORDINGS.map(({ id, title }) => ({ value: id, label: `${title} (recorded)` })),
        },
      ]}
      value=""
      onChange={(event) => choose(event.currentTarget.value)}
    />
  );
}

function NameField() {
  const { actions } = useLab();
  const name = useDraftText('name');
  return (
    <TextInput
      label="Name"
      value={name}
      error={useProblem('name')}
      onChange={(event) => actions.edit('name', event.currentTarget.value || undefined)}
    />
  );
}

function ScheduleField() {
  const { actions } = useLab();
  return (
    <NativeSelect
      label="Schedule"
      data={[
        { value: 'cosine', label: 'Cosine' },
        { value: 'constant', label: 'Constant' },
      ]}
      value={useDraftText('train.schedule')}
      onChange={(event) => actions.edit('train.schedule', event.currentTarget.value)}
    />
  );
}

function StorageField() {
  const { actions } = useLab();
  return (
    <NativeSelect
      label="Activations in"
      title="f16 halves what training moves and holds in memory, on adapters that offer it; arithmetic stays f32."
      data={['f32', 'f16']}
      value={useDraftText('train.storage')}
      error={useProblem('train.storage')}
      onChange={(event) => actions.edit('train.storage', event.currentTarget.value)}
    />
  );
}

/** Length in steps or epochs. A new length gives the scheme's own schedule back its defaults, which depend on it. */
function LengthField() {
  const { actions, store } = useLab();
  const steps = useDraftValue('train.steps');
  const epochs = useDraftValue('train.epochs');
  const parsed = useLabState((state) => state.parsed);
  const [unit, setUnit] = useState<'steps' | 'epochs' | null>(null);
  const shown = unit ?? (steps === undefined ? 'epochs' : 'steps');
  const problem = useProblem(`train.${shown}`);
  const edit = (key: 'steps' | 'epochs', value: unknown): void => {
    actions.edit('train.steps', key === 'steps' ? value : undefined);
    actions.edit('train.epochs', key === 'epochs' ? value : undefined);
    const { scheme } = store.getState().draft;
    actions.edit('scheme', withoutSteps(scheme));
  };
  const total = parsed.ok ? totalSteps(parsed.spec) : null;
  return (
    <div className="setup-pair">
      <NumberInput
        label="Length"
        value={Number((shown === 'steps' ? steps : epochs) ?? '') || ''}
        min={1}
        allowDecimal={false}
        error={problem}
        description={total === null || shown === 'steps' ? undefined : `${total.toLocaleString('en')} steps`}
        inputWrapperOrder={['label', 'input', 'description', 'error']}
        onChange={(value) => edit(shown, value === '' ? undefined : value)}
      />
      <NativeSelect
        label="Unit"
        data={['steps', 'epochs']}
        value={shown}
        onChange={(event) => {
          const next = event.currentTarget.value === 'steps' ? 'steps' : 'epochs';
          setUnit(next);
          const stepsAnEpoch = parsed.ok
            ? Math.max(1, totalSteps(parsed.spec) / (parsed.spec.train.epochs ?? totalSteps(parsed.spec)))
            : 1;
          edit(next, next === 'steps' ? Math.round(Number(epochs ?? 1) * stepsAnEpoch) : 10);
        }}
      />
    </div>
  );
}
