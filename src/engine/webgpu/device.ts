import type { AdapterName } from '../engine.ts';
import { watchErrors } from './faults.ts';
import { WORKGROUP } from './kernel.ts';

/** The one GPUDevice of the lab, and what there is to know about it. tfjs can share it (engine/tfjs). */
export interface Device {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  readonly adapter: AdapterName;
  readonly features: readonly string[];
  /** A CPU drives it: large register tiles pay, and work-group memory must never be used. */
  readonly software: boolean;
  /** Kept alive with the device: Dawn for Node tears everything down when its GPU object is collected. */
  readonly gpu: GPU;
  /** Resolves with a sentence when the device is lost, for any reason but `dispose`; never rejects. */
  readonly lost: Promise<string>;
  /** Gives the device and all it holds back. */
  dispose(): void;
}

/** Why there is no device. */
export type NoDeviceReason = 'insecure' | 'noWebGpu' | 'noAdapter' | 'limit' | 'refused';

/** There is no device; the message is a sentence that says why and what to do. */
export class NoDeviceError extends Error {
  constructor(
    readonly reason: NoDeviceReason,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

const WANTED_FEATURES = ['subgroups', 'shader-f16', 'timestamp-query'] as const;

/** Without these the kernels cannot run. Every adapter that follows the standard has them. */
const NEEDED_LIMITS = {
  maxBufferSize: 128 * 2 ** 20,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupSizeX: WORKGROUP,
  maxComputeInvocationsPerWorkgroup: WORKGROUP,
  maxComputeWorkgroupsPerDimension: 65_535,
} as const;

/** Limits asked for as far as the adapter has them: big data sets and activations, and what tfjs needs. */
const WANTED_LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

/**
 * Asks for an adapter and a device. `gpu` is for Node, where Dawn stands in for the browser's `navigator.gpu`. Throws a
 * NoDeviceError whose sentence says why there is none.
 */
export async function requestDevice(gpu?: GPU): Promise<Device> {
  const entry = gpu ?? browserGpu();
  const { adapter, device, features } = await firstGranted(entry);
  watchErrors(device);
  const { info } = adapter;
  const name = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  let ours = false;
  return {
    device,
    info,
    adapter: {
      vendor: info.vendor,
      architecture: info.architecture,
      // Browsers often hide the description; vendor and architecture are then all there is.
      description: info.description || info.device || `${info.vendor} ${info.architecture}`.trim() || 'unnamed adapter',
    },
    features,
    gpu: entry,
    software: info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/.test(name),
    lost: new Promise((resolve) => {
      // `reason` cannot tell: it says `destroyed` as well when somebody else (tfjs, an extension) destroyed the device.
      void device.lost.then(({ message }) => {
        if (!ours) resolve(`The graphics device was lost (${plain(message) || 'no reason given'}).`);
      });
    }),
    dispose() {
      ours = true;
      device.destroy();
    },
  };
}

function browserGpu(): GPU {
  const found = typeof navigator === 'undefined' ? undefined : navigator.gpu;
  if (found) return found;
  // Browsers hide WebGPU from pages that came over plain http.
  if (globalThis.isSecureContext === false) {
    throw new NoDeviceError(
      'insecure',
      'WebGPU is switched off because this page did not come over a secure connection. Open it by https, or from localhost.',
    );
  }
  throw new NoDeviceError(
    'noWebGpu',
    'This browser has no WebGPU. Use a recent Chrome, Edge, Safari or Firefox, or switch WebGPU on in this one.',
  );
}

interface Granted {
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
  readonly features: readonly string[];
}

/**
 * A device with all that the adapter offers, or, where the driver refuses that, with less. A refusal may use the
 * adapter up, so each try asks for another.
 */
async function firstGranted(gpu: GPU): Promise<Granted> {
  let refusal: unknown;
  for (const ask of [everything, defaultLimits, nothing]) {
    const adapter = await adapterOf(gpu);
    requireLimits(adapter);
    const descriptor = ask(adapter);
    try {
      const device = await adapter.requestDevice(descriptor);
      await refuseLost(device);
      return { adapter, device, features: [...(descriptor.requiredFeatures ?? [])].map(String) };
    } catch (error) {
      refusal = error;
    }
  }
  const why = plain(refusal instanceof Error ? refusal.message : String(refusal));
  throw new NoDeviceError(
    'refused',
    `The graphics driver refused to open a device (${why || 'no reason given'}). Close other pages that use the GPU, restart the browser, or update the driver.`,
    refusal,
  );
}

const everything = (adapter: GPUAdapter) => ({
  requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
  requiredLimits: Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
});
const defaultLimits = (adapter: GPUAdapter) => ({ requiredFeatures: everything(adapter).requiredFeatures });
const nothing = (): { requiredFeatures?: GPUFeatureName[] } => ({});

async function adapterOf(gpu: GPU): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter) return adapter;
  throw new NoDeviceError(
    'noAdapter',
    'WebGPU found no graphics adapter. Switch on hardware acceleration in the browser settings, or update the driver.',
  );
}

function requireLimits({ limits }: GPUAdapter): void {
  for (const [limit, need] of Object.entries(NEEDED_LIMITS)) {
    const have = limits[limit as keyof typeof NEEDED_LIMITS];
    if (have >= need) continue;
    throw new NoDeviceError(
      'limit',
      `The graphics adapter is too small for this lab: ${limit} is ${have}, and ${need} is needed. Update the driver, or choose another adapter in the system's or the browser's graphics settings.`,
    );
  }
}

/** Just after a GPU process died, browsers hand out devices that are lost already. */
async function refuseLost(device: GPUDevice): Promise<void> {
  const tick = new Promise<null>((resolve) => setTimeout(() => resolve(null), 0));
  const lost = await Promise.race([device.lost, tick]);
  if (lost) throw new Error(lost.message || 'it was lost at once');
}

/** A browser's message as a part of a sentence. */
const plain = (message: string): string => message.trim().replace(/\s+/g, ' ').replace(/\.$/, '');
