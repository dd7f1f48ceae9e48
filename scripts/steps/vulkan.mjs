import { existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findChromium } from './browser.mjs';

const DRIVER_FOLDERS = ['/usr/local/share/vulkan/icd.d', '/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
const LIBRARY_FOLDERS = ['x86_64-linux-gnu', 'aarch64-linux-gnu', '', '../lib64', '../local/lib'];
const LOADER = 'libvulkan.so.1';
const SWIFTSHADER = 'vk_swiftshader_icd.json';

/**
 * Environment in which Dawn for Node finds an adapter on Linux without a GPU: SwiftShader, which comes with Chromium, is
 * added to the drivers that the Vulkan loader finds itself. Dawn ranks every GPU before it. Mesa's lavapipe is about
 * five times faster, but Dawn would prefer SwiftShader, so that is added only where there is no lavapipe that Dawn
 * accepts. Chromium also lends the loader where the system has none.
 */
export async function vulkanEnvironment() {
  if (process.platform !== 'linux') return {};
  const { LD_LIBRARY_PATH, VK_DRIVER_FILES, VK_ICD_FILENAMES } = process.env;
  const folders = await chromiumFolders();
  const holding = (file) => folders.find((folder) => existsSync(join(folder, file)));
  const environment = {};
  const lender = LIBRARY_FOLDERS.some((name) => existsSync(join('/usr/lib', name, LOADER)))
    ? undefined
    : holding(LOADER);
  if (lender) environment.LD_LIBRARY_PATH = [lender, LD_LIBRARY_PATH].filter(Boolean).join(':');
  const swiftshader = holding(SWIFTSHADER);
  // Someone who names the drivers gets those alone.
  if (swiftshader && !VK_DRIVER_FILES && !VK_ICD_FILENAMES && !DRIVER_FOLDERS.some(hasLavapipe)) {
    environment.VK_ADD_DRIVER_FILES = join(swiftshader, SWIFTSHADER);
  }
  return environment;
}

/** Whether a folder of drivers holds a lavapipe of Vulkan 1.4 (Mesa 25): Dawn refuses older ones. */
function hasLavapipe(folder) {
  if (!existsSync(folder)) return false;
  const manifests = readdirSync(folder).filter((file) => /^lvp_icd.*\.json$/.test(file));
  return manifests.some((file) => {
    const [, minor = 0] = /"api_version":\s*"1\.(\d+)/.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
    return Number(minor) >= 4;
  });
}

/** Folders of installed Chromiums, Debian's first. */
async function chromiumFolders() {
  const found = await findChromium();
  return ['/usr/lib/chromium', '/usr/lib/chromium-browser', ...(found ? [dirname(realpathSync(found))] : [])];
}
