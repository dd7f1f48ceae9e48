import type { Network, Structure } from '../src/core/network/index.ts';
import type { Surroundings } from './job.ts';
import { type Espalier, openEspalier } from './peers/espalier.ts';
import { median, ratiosOf, timesOf } from './statistics.ts';

export interface StepTime {
  readonly adapter: string;
  readonly milliseconds: number;
  readonly n: number;
  /** Share of the first structure's time in the same turn, median of turns: the machine's speed changes between them. */
  readonly ofFirst: number;
}

/** Times training steps of several structures in one page, one each in turns: a noisy machine weighs on all alike. */
export async function stepsInTurns(
  network: Network,
  structures: readonly Structure[],
  { batch, samples }: { readonly batch: number; readonly samples: number },
  { images, gpu }: Surroundings,
): Promise<readonly StepTime[]> {
  const runs: { opened: Espalier; times: number[] }[] = [];
  for (const structure of structures) {
    const opened = await openEspalier({ network, structure, batch, images: await images(batch), gpu });
    await opened.step();
    await opened.settled();
    await opened.step();
    runs.push({ opened, times: [] });
  }
  for (let i = 0; i < samples; i++) {
    for (const { opened, times } of runs) times.push(...(await timesOf(1, () => opened.step())));
  }
  const first = runs[0]?.times ?? [];
  return runs.map(({ opened: { adapter }, times }) => ({
    adapter,
    milliseconds: median(times),
    n: times.length,
    ofFirst: median(ratiosOf(times, first)),
  }));
}
