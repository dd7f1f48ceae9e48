// npm run test:long: soaks and fault campaigns, which take longer than npm test may, and all kernels of convolutions, of
// which npm test compiles a part. Arguments go to vitest.
import { ensureChromium } from './steps/browser.mjs';
import { prepareData } from './steps/data.mjs';
import { install } from './steps/install.mjs';
import { runTool } from './steps/tools.mjs';

install();
await prepareData();
await ensureChromium();
const env = { ...process.env, ESPALIER_LONG: '1' };
process.exit(
  runTool('vitest', ['run', '.long.', 'kernels/conv/kernel', ...process.argv.slice(2)], { stdout: 'inherit', env }),
);
