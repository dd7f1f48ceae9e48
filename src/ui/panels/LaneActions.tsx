import { Eye, EyeOff, Pencil, X } from 'lucide-react';
import type { Lane } from '../../state/lanes.ts';
import { useLab } from '../app/lab-context.tsx';
import { LaneButton } from './LaneButton.tsx';
import { LaneSettings } from './LaneSettings.tsx';

/** What can be done with a run. A single run is neither hidden nor removed. */
export function LaneActions({ lane, alone, onRename }: { lane: Lane; alone: boolean; onRename: () => void }) {
  const { actions } = useLab();
  const { run, spec, hidden, recorded, state } = lane;
  const moving = !recorded && (state === 'running' || state === 'paused');
  return (
    <div className="lane-actions">
      {moving && <LaneSettings run={run} name={spec.name} />}
      <LaneButton label={`Rename ${spec.name}`} hint="Rename" onClick={onRename}>
        <Pencil size={14} />
      </LaneButton>
      {!alone && (
        <>
          <LaneButton
            label={`${hidden ? 'Show' : 'Hide'} ${spec.name}`}
            hint={hidden ? 'Show in charts and standing' : 'Hide from charts and standing'}
            onClick={() => actions.toggleHidden(run)}
          >
            {hidden ? <EyeOff size={14} /> : <Eye size={14} />}
          </LaneButton>
          <LaneButton label={`Remove ${spec.name}`} hint="Remove" onClick={() => actions.removeRun(run)}>
            <X size={14} />
          </LaneButton>
        </>
      )}
    </div>
  );
}
