import type { Network } from '../../src/core/network/index.ts';
import type { Figure, Job, Row, Surroundings } from '../job.ts';
import { chain, networkOf } from '../networks.ts';
import { openEspalier } from '../peers/espalier.ts';
import { type RecordedStep, recordStep } from '../recorded.ts';
import { atMost, median, short } from '../statistics.ts';

interface HostRow extends Row {
  readonly adapter: string;
  readonly dispatches: number;
  readonly dispatchesPerLayer: number;
  readonly milliseconds: number;
  readonly n: number;
}

const TARGETS = { milliseconds: 1, dispatchesPerLayer: 9 };

/** JavaScript's share of a recorded step, and how many dispatches a conv-BN-ReLU layer is. */
export const host: Figure<HostRow> = {
  name: 'host',

  jobs: () => [{ bench: 'host', model: 'resnet20', engine: 'espalier', batch: 1, samples: 20 }],

  async measure({ bench, model = '', engine = 'espalier', batch = 1, samples = 20 }: Job, surroundings: Surroundings) {
    const { images, gpu } = surroundings;
    const record = async (network: Network): Promise<RecordedStep & { readonly adapter: string }> => {
      const opened = await openEspalier({ network, batch, images: await images(batch), gpu });
      opened.trainer.setPace('full');
      const recorded = await recordStep(() => opened.step());
      return { ...recorded, adapter: opened.adapter };
    };
    const [longer, shorter] = [await record(chain(4)), await record(chain(3))];
    const recorded = await record(networkOf(model));
    const times = await encodingTimes(recorded, samples);
    return [
      {
        bench,
        model,
        engine,
        adapter: recorded.adapter,
        dispatches: recorded.work.dispatches.length,
        dispatchesPerLayer: longer.work.dispatches.length - shorter.work.dispatches.length,
        milliseconds: median(times),
        n: times.length,
      },
    ];
  },

  lines: (rows) =>
    rows.flatMap(({ model, adapter, dispatches, dispatchesPerLayer, milliseconds, n }) => [
      `Host, ${model}, ${adapter}`,
      `  ${short(milliseconds)} ms of JavaScript for a step of ${dispatches} dispatches, median of ${n} (${atMost(milliseconds, TARGETS.milliseconds, ' ms')})`,
      `  ${dispatchesPerLayer} dispatches a conv-BN-ReLU layer (${atMost(dispatchesPerLayer, TARGETS.dispatchesPerLayer)})`,
    ]),
};

/** Milliseconds of encoding and submitting a step. The queue counts as done at once, so no wait is in them. */
async function encodingTimes({ submitter, work }: RecordedStep, samples: number): Promise<number[]> {
  const { queue } = submitter.device;
  const done = queue.onSubmittedWorkDone.bind(queue);
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    queue.onSubmittedWorkDone = () => Promise.resolve(undefined);
    const started = performance.now();
    await submitter.run([work]);
    times.push(performance.now() - started);
    queue.onSubmittedWorkDone = done;
    await done();
  }
  return times;
}
