// npm run --silent espalier -- run spec.json --out dir: the lab without a page.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { bundle } from './steps/bundle.mjs';
import { prepareData } from './steps/data.mjs';
import { ROOT, install } from './steps/install.mjs';
import { vulkanEnvironment } from './steps/vulkan.mjs';

const args = process.argv.slice(2);
if (args[0] === 'bench' && !args.some((arg) => arg === '--help' || arg === '-h')) {
  follow(join(ROOT, 'scripts/bench.mjs'), args.slice(1), process.env);
} else {
  install();
  await prepareData();
  const file = await bundle('bin/espalier.ts', 'command-line');
  follow(file, args, { ...process.env, ...(await vulkanEnvironment()), ESPALIER_ROOT: ROOT });
}

/** Runs a script in a process of its own (a library path holds only from a process's start on) and ends as it does. */
function follow(file, argv, env) {
  const child = spawn(process.execPath, [file, ...argv], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  // npm passes a signal on to a shell, which ends and leaves this process behind, without passing it on.
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell || !process.env['npm_lifecycle_event']) return;
    clearInterval(watch);
    child.kill('SIGTERM');
  }, 1_000).unref();
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}
