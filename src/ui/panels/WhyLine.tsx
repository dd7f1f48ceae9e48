import { Button } from '@mantine/core';
import { Pin } from 'lucide-react';
import type { LayerView, RunView } from '../../core/events/view.ts';
import { compactNumber, percent } from '../widgets/format.ts';
import { channelFacts, describeChannel } from './describe.ts';
import type { Editing } from './editing.ts';
import type { Prediction } from './what-if.ts';

export interface WhyLineProps {
  readonly view: RunView;
  readonly editing: Editing;
  /** The channel that is told about; null when none is pointed at or pinned. */
  readonly shown: { readonly layer: LayerView; readonly channel: number } | null;
  readonly pinned: boolean;
}

/** Below the map: why a channel is on or off, a button to switch it, and what the switched channels would make. */
export function WhyLine({ view, editing, shown, pinned }: WhyLineProps) {
  return (
    <div className="map-foot">
      <div className="map-why" tabIndex={0} role="region" aria-label="Why">
        <div id="channel-why" aria-live="polite">
          {shown ? <Why {...shown} editing={editing} pinned={pinned} /> : <p>{HINT}</p>}
        </div>
      </div>
      {shown && editing.editable(shown.layer.layer) && <SwitchButton {...shown} editing={editing} />}
      {editing.pending && <WhatIf view={view} {...editing.pending} />}
    </div>
  );
}

const HINT = 'Point at a channel, or use the arrow keys, to read why it is on or off. Click to pin it, X to switch it.';

interface ShownProps {
  readonly layer: LayerView;
  readonly channel: number;
  readonly editing: Editing;
}

function Why({ layer, channel, editing, pinned }: ShownProps & { pinned: boolean }) {
  const view = layer.channels[channel];
  if (!view) return null;
  const facts = channelFacts(view, editing.tiedTo(layer.layer));
  return (
    <>
      <p>
        {pinned && <Pin size={12} aria-label="Pinned: " role="img" />}
        {describeChannel(layer, channel, view)}
      </p>
      {facts.length > 0 && <p className="map-facts">{` ${facts.join(' · ')}`}</p>}
    </>
  );
}

function SwitchButton({ layer, channel, editing }: ShownProps) {
  const wanted = editing.wanted(layer.layer);
  const fate = layer.channels[channel]?.fate;
  const on = wanted ? wanted.includes(channel) : fate === 'kept' || fate === 'regrown';
  const last = on && (wanted?.length ?? layer.kept) === 1;
  return (
    <Button
      size="compact-sm"
      variant="default"
      disabled={last}
      title={last ? 'At least one channel of a layer stays.' : undefined}
      onClick={() => {
        editing.toggle(layer.layer, channel);
        editing.commit();
      }}
    >
      {on ? 'Switch off' : 'Switch on'}
    </Button>
  );
}

function WhatIf({ view, channels, prediction }: { view: RunView; channels: number; prediction: Prediction }) {
  const { macs, parameters, time } = prediction;
  const dense = view.start?.dense;
  const share = (part: number, whole: number | undefined): string => (whole ? ` (${percent(part / whole, 0)})` : '');
  return (
    <div className="map-what-if" role="status" aria-label="What if">
      <p>
        <strong>{`${channels} ${channels === 1 ? 'channel' : 'channels'} switched by hand`}</strong>
      </p>
      <p>
        {compactNumber(macs)} MACs{share(macs, dense?.macs)} · {compactNumber(parameters)} parameters
        {share(parameters, dense?.parameters)}
      </p>
      <p title="The time measured on this adapter, scaled by the MACs.">
        {time
          ? `≈ ${milliseconds(time.milliseconds)} ${UNITS[time.of]}, from ${milliseconds(time.measured)} measured × MACs`
          : 'Time: – (nothing measured here yet)'}
      </p>
    </div>
  );
}

const UNITS = { image: 'an image', step: 'a training step' } as const;
const milliseconds = (value: number): string => `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ms`;
