import { useMemo } from 'react';
import { networkOf } from '../../core/events/network.ts';
import type { Question, RawPixels } from '../../core/questions/questions.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { type LayerMaps, type LayerOutput, layerMaps, layerOutputs } from './layer-maps.ts';
import { softmax } from './probabilities.ts';
import type { Chosen } from './sides.ts';
import { useAnswer } from './use-answer.ts';

/** The outputs of a run's convolutions; null before it is open. */
export function useOutputs(run: number): readonly LayerOutput[] | null {
  const lab = useLab();
  useLabState(({ published }) => published);
  const { start } = lab.live(run);
  return useMemo(() => start && layerOutputs(networkOf(start)), [start]);
}

/** What one network makes of an image. */
export interface Side {
  readonly step: number;
  /** By layer. */
  readonly maps: ReadonlyMap<string, LayerMaps>;
  readonly probabilities: readonly number[];
}

/** Asks a run for its maps of some layers and its verdict, of one image at one step. */
export function useSide({ run, at }: Chosen, pixels: RawPixels | null, layers: readonly string[]) {
  const lab = useLab();
  const { start } = lab.live(run);
  const network = useMemo(() => start && networkOf(start), [start]);
  const wanted = layers.join(' ');
  const question = useMemo((): Question<'activations'> | null => {
    const classifier = network?.nodes.at(-1)?.id;
    if (!network || !pixels || classifier === undefined) return null;
    const ids = wanted.split(' ');
    const nodes = layerOutputs(network).flatMap(({ layer, node }) => (ids.includes(layer) ? [node] : []));
    return { kind: 'activations', pixels, nodes: [...nodes, classifier], ...(at === undefined ? {} : { at }) };
  }, [network, pixels, wanted, at]);
  const { latest, stale, problem, again } = useAnswer(run, question);
  const side = useMemo((): Side | null => {
    const begun = latest && lab.live(latest.run).start;
    if (!begun) return null;
    const asked = networkOf(begun);
    const { step, structure, activations } = latest.answer;
    const maps = new Map<string, LayerMaps>();
    for (const { layer, node } of layerOutputs(asked)) {
      const activation = activations.get(node);
      if (activation) maps.set(layer, layerMaps(asked, structure, node, activation));
    }
    const logits = activations.get(asked.nodes.at(-1)?.id ?? '')?.values ?? [];
    return { step, maps, probabilities: softmax(logits) };
  }, [lab, latest]);
  return { side, stale, problem, again };
}
