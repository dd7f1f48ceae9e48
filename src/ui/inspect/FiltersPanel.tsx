import { SegmentedControl } from '@mantine/core';
import { useMemo, useState } from 'react';
import { networkOf } from '../../core/events/network.ts';
import { convolutionsOf, groupByNode, groupsOf, keptOf } from '../../core/network/index.ts';
import type { Question } from '../../core/questions/questions.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { TableSwitch } from '../charts/Card.tsx';
import { StageTable } from '../sparsity/StageTable.tsx';
import { MomentPicker } from './MomentPicker.tsx';
import { NoAnswer, Refusal } from './NoAnswer.tsx';
import { Tile } from './Tile.tsx';
import { type KernelTile, type KernelTiles, type TileOrder, inOrder, kernelTiles } from './kernel-tiles.ts';
import { type Chosen, firstRun } from './sides.ts';
import { type Answered, useAnswer } from './use-answer.ts';

const ORDERS = [
  { value: 'channel', label: 'By channel' },
  { value: 'norm', label: 'By norm' },
];

/** The kernels that read the image, as small images. */
export function FiltersPanel() {
  const lab = useLab();
  const [chosen, setChosen] = useState<Chosen | null>(() => {
    const { lanes, selected } = lab.store.getState();
    const run = firstRun(lanes, selected);
    return run === null ? null : { run };
  });
  const [order, setOrder] = useState<TileOrder>('channel');
  const [table, setTable] = useState(false);
  useLabState(({ published }) => published);
  const start = chosen && lab.live(chosen.run).start;
  const question = useMemo((): Question<'tensors'> | null => {
    const conv = start && convolutionsOf(networkOf(start))[0];
    if (!conv || !chosen) return null;
    const { at } = chosen;
    return { kind: 'tensors', names: [`${conv.id}/kernel`], ...(at === undefined ? {} : { at }) };
  }, [chosen, start]);
  const { latest, stale, problem, again } = useAnswer(chosen?.run ?? null, question);
  const shown = useFilters(latest);

  return (
    <div className="inspect-panel">
      <div className="inspect-head">
        {chosen && <MomentPicker label="Run" chosen={chosen} onChoose={setChosen} />}
        <SegmentedControl
          size="xs"
          aria-label="Order of the kernels"
          data={ORDERS}
          value={order}
          onChange={(value) => setOrder(value as TileOrder)}
        />
        <TableSwitch title="Filters" table={table} onSwitch={setTable} />
      </div>
      {!shown && (
        <NoAnswer run={chosen?.run ?? null} problem={problem} waiting="Reading the kernels ..." onAgain={again} />
      )}
      {shown && problem && <Refusal problem={problem} onAgain={again} />}
      {shown && (
        <div className="inspect-body" data-stale={stale || undefined}>
          <p className="inspect-note">
            The {shown.tiles.length} kernels of <strong>{shown.layer}</strong>
            {shown.pruned > 0 && `, ${shown.pruned} of them pruned`}, at step {shown.step.toLocaleString('en')}. A
            pixel’s red, green and blue are its three weights: mid grey is 0, full colour {shown.limit.toFixed(3)}, no
            colour −{shown.limit.toFixed(3)}.
          </p>
          {table ? (
            <StageTable
              title="Filters"
              head={['Channel', 'State', 'L2 norm', 'Least weight', 'Largest weight']}
              rows={inOrder(shown.tiles, order).map(rowOf)}
            />
          ) : (
            <ul
              className="filters"
              aria-label={`Kernels of ${shown.layer}`}
              data-size={shown.tiles.length <= 8 ? 'large' : shown.tiles.length <= 40 ? 'medium' : 'small'}
            >
              {inOrder(shown.tiles, order).map((tile) => (
                <li key={tile.channel} data-pruned={!tile.kept || undefined} title={textOf(tile)}>
                  <span className="filter-picture">
                    <Tile rgba={tile.rgba} width={shown.side} label={textOf(tile)} />
                  </span>
                  <span className="filter-number">{tile.channel}</span>
                  <span className="filter-norm">{tile.norm.toFixed(2)}</span>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </div>
  );
}

interface Filters extends KernelTiles {
  readonly layer: string;
  readonly step: number;
  readonly pruned: number;
}

/** What an answer looks like. */
function useFilters(latest: Answered<'tensors'> | null): Filters | null {
  const lab = useLab();
  return useMemo(() => {
    const start = latest && lab.live(latest.run).start;
    if (!start) return null;
    const { step, structure, tensors } = latest.answer;
    const network = networkOf(start);
    const conv = convolutionsOf(network)[0];
    const kernel = conv && tensors.get(`${conv.id}/kernel`);
    const group = conv && groupByNode(groupsOf(network)).get(conv.id);
    if (!kernel || !group) return null;
    const kept = keptOf(structure, group);
    return {
      ...kernelTiles(kernel, conv, kept, structure.taps?.[conv.id]),
      layer: conv.id,
      step,
      pruned: conv.filters - kept.length,
    };
  }, [lab, latest]);
}

const textOf = ({ channel, kept, norm }: KernelTile): string =>
  `Channel ${channel}${kept ? '' : ' (pruned: as last used)'}, L2 norm ${norm.toFixed(3)}`;

const rowOf = ({ channel, kept, norm, least, most }: KernelTile): readonly string[] => [
  String(channel),
  kept ? 'kept' : 'pruned',
  ...[norm, least, most].map((value) => value.toFixed(4)),
];
