// npm run bench: what our engine does beside named peers and a plain matrix product, in figures with their targets.
// Options: --json (one object a line), --figure train,kernels, --model plain5,resnet20, --engine espalier,tfjs-webgpu,
// --node (plain5 in Node through Dawn instead of Chromium; other figures where they are named)
import { createServer } from 'vite';
import { ROOT } from '../scripts/steps/install.mjs';
import { say } from '../scripts/steps/say.mjs';
import { openBrowsers } from './browsers.mjs';
import { openNode } from './node-processes.mjs';
import { installPeers } from './install-peers.mjs';

export async function bench(argv) {
  const listed = (name) => {
    const at = argv.indexOf(`--${name}`);
    return at < 0 ? null : (argv[at + 1] ?? '').split(',');
  };
  const [json, inNode] = [argv.includes('--json'), argv.includes('--node')];
  const wanted = { model: listed('model'), engine: listed('engine'), figure: listed('figure') };
  if (inNode) {
    wanted.figure ??= ['train'];
    wanted.model ??= ['plain5'];
    // The others need a page, or no adapter at all.
    wanted.engine ??= ['espalier', 'tfjs-webgpu', 'jax-js-webgpu'];
  }
  const missing = installPeers();
  const server = await createServer({
    root: ROOT,
    configFile: false,
    appType: 'mpa',
    logLevel: 'error',
    cacheDir: 'node_modules/.cache/espalier/bench-vite',
    // Sources that change midway must neither reload a page nor mix with those measured before.
    server: { port: 0, strictPort: false, hmr: false, watch: null },
    optimizeDeps: { entries: ['bench/page.ts'], exclude: missing },
  });
  let machine;
  const run = async (job) => {
    const name = PACKAGES[job.engine];
    if (missing.includes(name)) throw new Error(`the package ${name} is not installed`);
    return machine.run(job);
  };
  try {
    await server.listen();
    const { FIGURES, figureOf } = await server.ssrLoadModule('/bench/figures/index.ts');
    machine = inNode ? await openNode(missing) : await openBrowsers(server);
    for (const figure of wanted.figure ? wanted.figure.map((name) => figureOf(name)) : FIGURES) {
      const jobs = figure
        .jobs()
        .filter((job) => ['model', 'engine'].every((key) => fits(wanted[key], job[key])))
        .filter((job, i, all) => !job.again || job.engine !== all[i - 1]?.engine);
      if (jobs.length > 0) await showFigure(figure, jobs, { run }, json);
    }
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    await machine?.close();
    await server.close();
  }
}

/** Packages of peers that may be missing. */
const PACKAGES = { 'jax-js-webgpu': '@jax-js/jax', convnetjs: 'convnetjs' };

const fits = (list, value) => list === null || value === undefined || list.includes(value);

/** Measures and prints one figure. A job that fails costs its own line alone. */
async function showFigure(figure, jobs, machine, json) {
  const measured = [];
  const failed = new Map();
  for (const job of jobs) {
    const { bench: name, model, engine, layer } = job;
    const what = [name, model, engine, layer].filter((part) => part !== undefined).join(' ');
    // What failed once, such as a peer that is not installed, fails again.
    if (failed.has(what)) continue;
    say(`${what} ...`);
    try {
      measured.push(...(await machine.run(job)));
    } catch (error) {
      failed.set(what, { bench: name, model, engine, layer, error: sentenceOf(error) });
    }
  }
  const rows = figure.merge?.(measured) ?? measured;
  if (json) {
    for (const row of [...rows, ...failed.values()]) console.log(JSON.stringify(row));
    return;
  }
  console.log(['', ...(rows.length > 0 ? figure.lines(rows) : [figure.name])].join('\n'));
  for (const [what, { error }] of failed) console.log(`  left out: ${what}: ${error}`);
}

const sentenceOf = (error) => {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return first.replace(/^page\.evaluate: (Error: )?/, '');
};
