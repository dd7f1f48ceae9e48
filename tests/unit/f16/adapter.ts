import { dawn } from '../../../bin/dawn.ts';
import { type Device, requestDevice } from '../../../src/engine/webgpu/device.ts';

/** Devices of this machine that store f16, through Dawn; or why there are none. */
export interface HalfDevices {
  /** Names for the tests, with the reason where they are skipped. */
  readonly about: string;
  readonly missing: boolean;
  /** Opens a device of its own. */
  open(): Promise<Device>;
}

/** Looks for an adapter with `shader-f16`. Software drivers can have it too: lavapipe does, SwiftShader does not. */
export async function halfDevices(): Promise<HalfDevices> {
  try {
    const gpu = await dawn();
    const open = (): Promise<Device> => requestDevice(gpu);
    const { adapter, features, dispose } = await open();
    dispose();
    if (features.includes('shader-f16')) return { about: `on ${adapter.description}`, missing: false, open };
    return none(`${adapter.description} does not offer shader-f16`);
  } catch (error) {
    return none(error instanceof Error ? error.message : String(error));
  }
}

const none = (reason: string): HalfDevices => ({
  about: `skipped: ${reason}`,
  missing: true,
  open: () => Promise.reject(new Error(reason)),
});
