import { useMemo } from 'react';
import { networkOf } from '../../core/events/network.ts';
import type { StructureEvent } from '../../core/events/events.ts';
import type { RunView } from '../../core/events/view.ts';
import { type Network, type Structure, convolutionsOf, denseStructure } from '../../core/network/index.ts';
import { useRunView } from '../app/lab-context.tsx';
import { type LayerPicture, pictureOf, widestLayer } from './layer-picture.ts';

/** The layer that kernels and matrices are shown of, and a source map of it that is pointed at. */
export interface Place {
  /** Null: the widest layer that may be pruned. */
  readonly layer: string | null;
  readonly source: number | null;
}

export const FIRST_PLACE: Place = { layer: null, source: null };

/** The structure of the step looked at, which a hand may have changed since the last stage; null while it is dense. */
function structureOf({ log }: RunView): Structure | null {
  const last = log.findLast((event): event is StructureEvent => event.kind === 'structure');
  return last?.structure ?? null;
}

/** The network of the selected run; null before it is prepared. */
function useNetwork({ start }: RunView): Network | null {
  return useMemo(() => (start ? networkOf(start) : null), [start]);
}

/** The chosen layer of the selected run at the cursor, and the layers to choose from; null before it is prepared. */
export function useLayer(place: Place): { readonly layers: readonly string[]; readonly picture: LayerPicture } | null {
  const view = useRunView();
  const network = useNetwork(view);
  const structure = structureOf(view);
  const layers = useMemo(() => (network ? convolutionsOf(network).map(({ id }) => id) : []), [network]);
  const id = useMemo(() => {
    if (!network) return null;
    return layers.find((layer) => layer === place.layer) ?? widestLayer(network) ?? layers[0] ?? null;
  }, [network, layers, place.layer]);
  const masks = view.stages.at(-1)?.report.layers.find(({ layer }) => layer === id);
  const picture = useMemo(
    () => (network && id !== null ? pictureOf(network, structure ?? denseStructure(network), id, masks) : null),
    [network, structure, id, masks],
  );
  return useMemo(() => picture && { layers, picture }, [layers, picture]);
}
