import { type Structure, type Tensors, denseStructure, keptOf } from '../../core/network/index.ts';
import type { ChannelReason, Decision, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import type { KeptChannels } from '../../core/spec/options.ts';
import type { Moment } from '../shared/criterion.ts';
import { kernelsOf, l1Norms } from '../shared/l1-norm.ts';
import { convolutionsIn, namesOf } from '../shared/layers.ts';
import { explainSelection } from '../shared/reasons.ts';
import { keepBest, rankLayer } from '../shared/select.ts';
import { type Wanted, resolveKeep } from './keep.ts';

/** One run with channels chosen by hand. Throws a sentence naming the key when the network has no such channels. */
export class ManualRun implements SchemeRun {
  readonly prunable: readonly string[];
  readonly #context: SchemeContext;
  readonly #at: number;
  readonly #wanted: readonly Wanted[];

  constructor(context: SchemeContext) {
    const { network, options } = context;
    const resolved = resolveKeep(network, options['keep'] as KeptChannels);
    if (!resolved.ok) throw new Error(resolved.problem);
    this.#context = context;
    this.#at = Number(options['at']);
    this.#wanted = resolved.wanted;
    this.prunable = convolutionsIn(
      network,
      resolved.wanted.map(({ layer }) => layer),
    );
  }

  async atInit(parameters: Tensors): Promise<Decision> {
    const structure = denseStructure(this.#context.network);
    if (this.#at > 0) return { structure, reasons: [] };
    return this.#cut({ step: 0, structure, read: async () => parameters });
  }

  dueAt(step: number): boolean {
    return step > 0 && step === this.#at;
  }

  decide(step: number, structure: Structure): Promise<Decision> {
    return this.#cut({ step, structure, read: (names) => this.#context.read(names) });
  }

  /** Nothing is remembered: the spec says it all. */
  state(): null {
    return null;
  }
  restore(): void {}

  async #cut({ structure, read }: Moment): Promise<Decision> {
    const { network } = this.#context;
    const byWidth = this.#wanted.filter(({ keep }) => typeof keep === 'number');
    const tensors = await read(kernelsOf(byWidth.map(({ layer }) => layer)));
    const norms = byWidth.map(({ layer }) => rankLayer(layer, structure, (own) => l1Norms(own, tensors, structure)));
    const widths = new Map(byWidth.map(({ layer, keep }) => [layer.group.id, Number(keep)]));
    const selection = keepBest(network, norms, widths, structure);
    const listed = Object.fromEntries(
      this.#wanted.flatMap(({ layer, keep }) => (typeof keep === 'number' ? [] : [[layer.group.id, keep]])),
    );
    return {
      structure: { ...selection.structure, channels: { ...selection.structure.channels, ...listed } },
      reasons: [
        ...explainSelection(selection, 'local', 'L1 norm'),
        ...this.#wanted.flatMap((wanted) => explainList(wanted, structure)),
      ],
    };
  }
}

function explainList({ layer, named, keep }: Wanted, before: Structure): ChannelReason[] {
  if (typeof keep === 'number') return [];
  const names = namesOf(layer);
  const kept = new Set(keep);
  return keptOf(before, layer.group).map((channel) => ({
    layer: names.layer,
    channel,
    fate: kept.has(channel) ? 'kept' : 'pruned',
    ...(names.tied.length > 0 ? { tied: names.tied } : {}),
    text: `${kept.has(channel) ? 'Kept: listed' : 'Pruned: not listed'} in scheme.keep.${named}.`,
  }));
}
