import type { Scheme } from '../core/scheme/scheme.ts';
import { decodeLink } from '../core/spec/link.ts';
import { type SpecProblem, parseSpec } from '../core/spec/parse.ts';
import { PRESETS, type SpecInput } from '../core/spec/presets.ts';
import { parseRace } from '../core/spec/race.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { LabState } from './state.ts';

/** What to open on: the link's runs, or the first preset (also when the link is refused, which an alert then says). */
export function startOf(
  hash: string,
  schemes: readonly Scheme[],
): { specs: readonly Spec[]; draft: SpecInput; alert: LabState['alert']; linked: boolean } {
  const preset = PRESETS[0]?.spec ?? {};
  const first = parseSpec(preset, schemes);
  const specs = first.ok ? [first.spec] : [];
  const link = decodeLink(hash);
  if (!link) return { specs, draft: preset, alert: null, linked: false };
  const refused = (message: string, problems: readonly SpecProblem[] = []) => ({
    specs,
    draft: preset,
    alert: { message, problems },
    linked: false,
  });
  if (!link.ok) return refused(link.message);
  const race = parseRace(link.value, schemes);
  if (!race.ok) return refused('The link’s spec was refused, so the first preset is open instead.', race.problems);
  const draft = Array.isArray(link.value) ? (link.value[0] as SpecInput) : (link.value as SpecInput);
  const [one] = race.specs;
  return { specs: race.specs, draft: race.specs.length > 1 && one ? { ...one } : draft, alert: null, linked: true };
}
