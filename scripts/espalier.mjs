// npm run --silent espalier -- run spec.json --out dir: the lab without a page.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { bundle } from './steps/bundle.mjs';
import { prepareData } from './steps/data.mjs';
import { ROOT, install } from './steps/install.mjs';
import { vulkanEnvironment } from './steps/vulkan.mjs';

install();
await prepareData();
const file = await bundle('bin/espalier.ts', 'command-line');
const env = { ...process.env, ...(await vulkanEnvironment()), ESPALIER_ROOT: ROOT };
const child = spawn(process.execPath, [file, ...process.argv.slice(2)], { stdio: 'inherit', env });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
