import type { AdapterName } from '../engine.ts';

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
}

const WANTED_FEATURES = ['subgroups', 'timestamp-query'] as const;

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
 * sentence that says why there is none.
 */
export async function requestDevice(gpu?: GPU): Promise<Device> {
  const entry = gpu ?? (typeof navigator === 'undefined' ? undefined : navigator.gpu);
  if (!entry) {
    throw new Error(
      'This browser has no WebGPU. Use a recent Chrome, Edge, Safari or Firefox, served from https or localhost.',
    );
  }
  const adapter = await entry.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) {
    throw new Error(
      'WebGPU found no graphics adapter. Switch on hardware acceleration in the browser settings, or update the driver.',
    );
  }
  const features = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({
    requiredFeatures: [...features],
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  const { info } = adapter;
  const name = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  return {
    device,
    info,
    adapter: {
      vendor: info.vendor,
      architecture: info.architecture,
      // Browsers often hide the description; vendor and architecture are then all there is.
      description: info.description || info.device || `${info.vendor} ${info.architecture}`.trim() || 'unnamed adapter',
    },
    features: features.map(String),
    gpu: entry,
    software: info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|basic render/.test(name),
  };
}
