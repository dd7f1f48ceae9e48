import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../scripts/steps/install.mjs';
import { say } from '../scripts/steps/say.mjs';
import { vulkanEnvironment } from '../scripts/steps/vulkan.mjs';

/** Inside node_modules, so that the bundle finds packages. */
const FOLDER = join(ROOT, 'node_modules/.cache/espalier/bench-node');
const DRIVER_FOLDERS = ['/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

/** Node with Dawn, in which each measurement gets a process of its own. */
export async function openNode(missing) {
  const found = await vulkanEnvironment();
  const env = { ...process.env, ...found, ...driver(found), ESPALIER_ROOT: ROOT };
  say(`Vulkan drivers: ${env.VK_ICD_FILENAMES ?? env.VK_DRIVER_FILES ?? env.VK_ADD_DRIVER_FILES ?? "the system's"}`);
  const file = await bundleForNode(missing);
  return { run: (job) => measure(file, job, env), close: async () => rmSync(FOLDER, { recursive: true, force: true }) };
}

/** Names lavapipe alone where it is installed and nobody named a driver: beside others, Dawn may prefer them. */
function driver({ VK_ADD_DRIVER_FILES }) {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  // With that variable the steps have found that there is no lavapipe that Dawn accepts.
  if (VK_DRIVER_FILES || VK_ICD_FILENAMES || VK_ADD_DRIVER_FILES) return {};
  const manifests = DRIVER_FOLDERS.flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [],
  );
  const lavapipe = manifests.find((file) => /\/lvp_icd[^/]*\.json$/.test(file));
  return lavapipe ? { VK_ICD_FILENAMES: lavapipe } : {};
}

/** Runs one job; its rows are the last line on stdout. */
async function measure(file, job, env) {
  const child = spawn(process.execPath, [file, JSON.stringify(job)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(/^(?:\w*Error: )(.*)$/m.exec(err)?.[1] ?? `the process ended with ${code}`);
  return JSON.parse(out.trim().split('\n').at(-1) ?? '');
}

/** Bundles the measurements for Node, the peers with them: they lie where the bundle would not find them. */
async function bundleForNode(missing) {
  const { build } = await import('vite');
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    ssr: { noExternal: ['@jax-js/jax', 'convnetjs'].filter((name) => !missing.includes(name)) },
    build: {
      ssr: join(ROOT, 'bench/node.ts'),
      outDir: FOLDER,
      emptyOutDir: true,
      target: 'node20',
      rolldownOptions: { external: missing, output: { entryFileNames: 'main.mjs' } },
    },
  });
  return join(FOLDER, 'main.mjs');
}
