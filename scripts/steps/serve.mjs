import { spawn } from 'node:child_process';
import { ROOT } from './install.mjs';
import { fail, say } from './say.mjs';

const DEFAULT_PORT = 4200;

/** Serves dist/ and prints its address on a line of its own when it answers. */
export async function serve() {
  const wanted = process.env['PORT'];
  const port = wanted === undefined || wanted === '' ? DEFAULT_PORT : Number(wanted);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    fail(`PORT must be a whole number from 1 to 65535, not "${wanted}".`);
  }
  const { preview } = await import('vite');
  const server = await preview({
    root: ROOT,
    logLevel: 'error',
    preview: { port, strictPort: wanted !== undefined && wanted !== '', open: false },
  }).catch((error) =>
    fail(`Port ${port} cannot be used (${error.message}). Choose another one: PORT=${port + 1} npm start`),
  );
  const address = server.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? `http://localhost:${port}`;
  if (new URL(address).port !== String(port)) say(`Port ${port} is taken; the next free one is used.`);
  console.log('Espalier is ready (Ctrl-C stops it):');
  console.log(address);
  openBrowser(address);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
  if (process.env['npm_lifecycle_event']) endWithParent();
}

/** npm passes a SIGTERM on to the shell between us and it, which does not pass it on: without it, we end too. */
function endWithParent() {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && process.exit(0), 500).unref();
}

/** Opens the page where there is a desktop; that it cannot be opened never matters. */
function openBrowser(address) {
  const headless = process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY'];
  if (process.env['CI'] || headless || process.argv.includes('--no-open')) return;
  const openers = { darwin: ['open', address], win32: ['cmd', '/c', 'start', '', address] };
  const [command, ...args] = openers[process.platform] ?? ['xdg-open', address];
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
