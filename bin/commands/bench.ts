import type { Command } from '../arguments.ts';
import { EXIT } from '../around.ts';

/** scripts/espalier.mjs hands everything but --help over to `npm run bench`, which needs no bundle of this. */
export const bench: Command = {
  name: 'bench',
  usage: '[options of npm run bench]',
  summary: 'measure the engine beside others (the same as npm run bench)',
  details: `Hands over to npm run bench, which measures training, kernels, cold start and more beside named peers, in the same run.
Its options: --figure train,kernels  --model plain5,resnet20  --engine espalier,tfjs-webgpu  --node (in Node through Dawn)  --json`,
  options: {},
  examples: [['bench --figure train --model plain5 --json', 'training steps of one model, an object a line']],

  async run(_, around) {
    around.stderr('Call it through npm: npm run bench -- --figure train\n');
    return EXIT.badInput;
  },
};
