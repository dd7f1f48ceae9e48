import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './install.mjs';
import { hashOf, upToDate } from './sources.mjs';

/**
 * Bundles a TypeScript entry for Node (which runs no TypeScript at version 20) with Vite; rebuilt only when a source
 * has changed. Returns the bundle's path, inside node_modules so that packages are found.
 */
export async function bundle(entry, name) {
  const folder = join(ROOT, 'node_modules/.cache/espalier', name);
  const marker = join(folder, 'built-from');
  const file = join(folder, 'main.mjs');
  const hash = hashOf(['src', 'bin', 'bench', 'package-lock.json']);
  if (upToDate(marker, hash) && existsSync(file)) return file;
  const { build } = await import('vite');
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: join(ROOT, entry),
      outDir: folder,
      emptyOutDir: true,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'main.mjs' } },
    },
  });
  mkdirSync(folder, { recursive: true });
  writeFileSync(marker, hash);
  return file;
}

/** Where Vulkan drivers of real GPUs register themselves. */
const DRIVER_FOLDERS = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d'];
const LOADERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];

/**
 * Environment in which Dawn for Node finds an adapter on Linux: a real driver where one is installed, else the software
 * one beside Chromium (whose folder has the Vulkan loader too).
 */
export async function vulkanEnvironment() {
  if (process.platform !== 'linux') return {};
  const environment = {};
  const chromiumFolders = await softwareDrivers();
  if (!LOADERS.some((folder) => existsSync(join(folder, 'libvulkan.so.1')))) {
    const loader = chromiumFolders.find((folder) => existsSync(join(folder, 'libvulkan.so.1')));
    if (loader) environment.LD_LIBRARY_PATH = [loader, process.env['LD_LIBRARY_PATH']].filter(Boolean).join(':');
  }
  const drivers = DRIVER_FOLDERS.flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []));
  const real = drivers.some((file) => file.endsWith('.json') && !file.startsWith('lvp_'));
  if (!process.env['VK_ICD_FILENAMES'] && !process.env['VK_DRIVER_FILES'] && !real && chromiumFolders[0]) {
    environment.VK_ICD_FILENAMES = join(chromiumFolders[0], 'vk_swiftshader_icd.json');
  }
  return environment;
}

/** Folders of Chromiums that bring SwiftShader's driver. */
async function softwareDrivers() {
  const { findChromium } = await import('./browser.mjs').catch(() => ({ findChromium: async () => undefined }));
  const found = await findChromium().catch(() => undefined);
  const folders = ['/usr/lib/chromium', '/usr/lib/chromium-browser', ...(found ? [dirname(found)] : [])];
  return folders.filter((folder) => existsSync(join(folder, 'vk_swiftshader_icd.json')));
}
