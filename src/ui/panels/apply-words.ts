/** What was done by hand to a run, on the map and among its taps. */
export interface ByHand {
  readonly channels: boolean;
  readonly taps: boolean;
}

/** What a fork takes along: what was done by hand, and a change of the form. */
export function forkWords({ changed, channels, taps }: ByHand & { readonly changed: boolean }): string {
  const along = [
    ...(changed ? ['this change'] : []),
    ...(channels ? ['the channels you switched'] : []),
    ...(taps ? ['the taps you chose'] : []),
  ];
  return `A fork is a second run that goes on from a checkpoint of this one with ${listed(along)}.`;
}

/** Why what was done by hand does nothing yet. */
export function waitingWords({ channels, taps }: ByHand): string {
  const what = [...(channels ? ['channels that you switch'] : []), ...(taps ? ['taps that you choose'] : [])];
  const sentence = `${listed(what)} wait here until the run has trained: then it can be forked.`;
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

const listed = (words: readonly string[]): string =>
  words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}` : (words[0] ?? '');
