// npm run bench: sets everything up, then measures training steps against other engines. Arguments go to the benchmark.
import { ensureChromium } from './steps/browser.mjs';
import { prepareData } from './steps/data.mjs';
import { install } from './steps/install.mjs';

install();
await prepareData();
await ensureChromium();
const { bench } = await import('../bench/bench.mjs');
await bench(process.argv.slice(2));
