import type { Scheme } from '../core/scheme/scheme.ts';
import { decodeLink, readHidden } from '../core/spec/link.ts';
import { type SpecProblem, parseSpec } from '../core/spec/parse.ts';
import { PRESETS, type SpecInput } from '../core/spec/presets.ts';
import { parseRace } from '../core/spec/race.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { LabState } from './state.ts';

/** What the page opens on. */
export interface Start {
  readonly specs: readonly Spec[];
  /** Places in `specs` of the runs that are hidden at first. */
  readonly hidden: readonly number[];
  readonly draft: SpecInput;
  readonly alert: LabState['alert'];
  /** Whether it is what a link says. */
  readonly linked: boolean;
}

/** What to open on: the link's runs, or the first preset (also when the link is refused, which an alert then says). */
export function startOf(hash: string, schemes: readonly Scheme[]): Start {
  const preset = PRESETS[0]?.spec ?? {};
  const first = parseSpec(preset, schemes);
  const unlinked = { specs: first.ok ? [first.spec] : [], hidden: [], draft: preset, linked: false };
  const link = decodeLink(hash);
  if (!link) return { ...unlinked, alert: null };
  const refused = (message: string, problems: readonly SpecProblem[] = []): Start => ({
    ...unlinked,
    alert: { message, problems },
  });
  if (!link.ok) return refused(link.message);
  const race = parseRace(link.value, schemes);
  if (!race.ok) return refused('The link’s spec was refused, so the first preset is open instead.', race.problems);
  const draft = Array.isArray(link.value) ? (link.value[0] as SpecInput) : (link.value as SpecInput);
  const [one] = race.specs;
  const hidden = link.hidden === undefined ? null : readHidden(link.hidden, race.specs.length);
  return {
    specs: race.specs,
    hidden: hidden?.ok ? hidden.places : [],
    draft: race.specs.length > 1 && one ? { ...one } : draft,
    alert: hidden && !hidden.ok ? { message: hidden.message, problems: [] } : null,
    linked: true,
  };
}
