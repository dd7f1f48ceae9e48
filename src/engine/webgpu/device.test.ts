import { afterEach, describe, expect, test, vi } from 'vitest';
import { NoDeviceError, requestDevice } from './device.ts';

const LIMITS = {
  maxBufferSize: 2 ** 30,
  maxStorageBufferBindingSize: 2 ** 30,
  maxStorageBuffersPerShaderStage: 10,
  maxComputeWorkgroupStorageSize: 32_768,
  maxComputeWorkgroupSizeX: 256,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65_535,
};

interface Fake {
  readonly limits?: Partial<typeof LIMITS>;
  /** What to say to a request; null grants it. */
  readonly refuse?: (descriptor: GPUDeviceDescriptor) => string | null;
  /** How many of the first devices are lost already. */
  readonly lostAtOnce?: number;
}

/** A `navigator.gpu` that is only as real as `requestDevice` needs it to be. */
function fakeGpu({ limits = {}, refuse = () => null, lostAtOnce = 0 }: Fake = {}) {
  const asked: GPUDeviceDescriptor[] = [];
  const lose: ((info: { reason: string; message: string }) => void)[] = [];
  const adapter = {
    limits: { ...LIMITS, ...limits },
    features: new Set(['subgroups', 'timestamp-query', 'shader-f16', 'dual-source-blending']),
    info: { vendor: 'google', architecture: 'swiftshader', device: '', description: '' },
    async requestDevice(descriptor: GPUDeviceDescriptor) {
      asked.push(descriptor);
      const why = refuse(descriptor);
      if (why !== null) throw new Error(why);
      const lost = new Promise<{ reason: string; message: string }>((resolve) => lose.push(resolve));
      if (asked.length <= lostAtOnce) lose.at(-1)?.({ reason: 'unknown', message: 'The GPU process is gone.' });
      const destroy = (): void => lose.at(-1)?.({ reason: 'destroyed', message: 'Device was destroyed.' });
      return Object.assign(new EventTarget(), { lost, destroy });
    },
  };
  const requestAdapter = vi.fn(async (): Promise<unknown> => adapter);
  return { gpu: { requestAdapter } as unknown as GPU, requestAdapter, asked, lose };
}

const refusal = async (gpu?: GPU): Promise<NoDeviceError> => {
  const error: unknown = await requestDevice(gpu).catch((reason: unknown) => reason);
  if (!(error instanceof NoDeviceError)) throw new Error('there is a device');
  return error;
};

afterEach(() => vi.unstubAllGlobals());

describe('why there is no device', () => {
  test('a page over http, and a browser without WebGPU', async () => {
    vi.stubGlobal('navigator', {});
    vi.stubGlobal('isSecureContext', false);
    expect(await refusal()).toMatchObject({ reason: 'insecure', message: expect.stringMatching(/https.*localhost/) });
    vi.stubGlobal('isSecureContext', true);
    expect(await refusal()).toMatchObject({ reason: 'noWebGpu', message: expect.stringMatching(/no WebGPU\. Use/) });
  });

  test('no adapter', async () => {
    const { gpu, requestAdapter } = fakeGpu();
    requestAdapter.mockResolvedValue(null);
    expect(await refusal(gpu)).toMatchObject({ reason: 'noAdapter', message: expect.stringMatching(/driver/) });
  });

  test('a limit that is too small, by name, with what there is and what is needed', async () => {
    const { message, reason } = await refusal(fakeGpu({ limits: { maxStorageBuffersPerShaderStage: 4 } }).gpu);
    expect(reason).toBe('limit');
    expect(message).toMatch(/maxStorageBuffersPerShaderStage is 4, and 8 is needed\..*driver/);
  });

  test('a driver that refuses everything', async () => {
    const { gpu, asked } = fakeGpu({ refuse: () => 'out of handles.' });
    const { message, reason } = await refusal(gpu);
    expect(reason).toBe('refused');
    expect(message).toMatch(/refused to open a device \(out of handles\)\. Close/);
    expect(asked.length).toBe(3);
  });
});

describe('what is asked for', () => {
  test('what the adapter has, of what is wanted', async () => {
    const { gpu, asked } = fakeGpu();
    const { features, adapter, software } = await requestDevice(gpu);
    expect(asked).toEqual([
      { requiredFeatures: ['subgroups', 'shader-f16', 'timestamp-query'], requiredLimits: LIMITS },
    ]);
    expect([features, software]).toEqual([['subgroups', 'shader-f16', 'timestamp-query'], true]);
    expect(adapter.description).toBe('google swiftshader');
  });

  test('less where that is refused: default limits, then no features; a fresh adapter each time', async () => {
    const limits = fakeGpu({ refuse: ({ requiredLimits }) => (requiredLimits ? 'too much' : null) });
    expect((await requestDevice(limits.gpu)).features).toEqual(['subgroups', 'shader-f16', 'timestamp-query']);
    expect(limits.requestAdapter).toHaveBeenCalledTimes(2);
    const features = fakeGpu({ refuse: ({ requiredFeatures }) => (requiredFeatures ? 'unknown feature' : null) });
    expect((await requestDevice(features.gpu)).features).toEqual([]);
    expect(features.asked.length).toBe(3);
  });

  test('another device where the first one is lost already', async () => {
    const { gpu, asked } = fakeGpu({ lostAtOnce: 1 });
    await requestDevice(gpu);
    expect(asked.length).toBe(2);
    expect(await refusal(fakeGpu({ lostAtOnce: 3 }).gpu)).toMatchObject({ reason: 'refused' });
  });
});

test('a device that somebody else destroyed is lost; one that we dispose of is not', async () => {
  const heard = async (end: (device: Awaited<ReturnType<typeof requestDevice>>) => void): Promise<string> => {
    const device = await requestDevice(fakeGpu().gpu);
    end(device);
    return Promise.race([device.lost, new Promise<string>((resolve) => setTimeout(() => resolve('nothing'), 20))]);
  };
  expect(await heard(({ device }) => device.destroy())).toBe('The graphics device was lost (Device was destroyed).');
  expect(await heard((device) => device.dispose())).toBe('nothing');
});
