import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../../core/network/index.ts';
import { drawnLayers, layOutDrawing, streamBands } from './drawing.ts';

const layersOf = (id: string) => drawnLayers(buildNetwork(id), new Map());

describe('the layers of a drawing', () => {
  test('of ResNet-20: the stem and two convolutions a block, inner ones between those of the streams', () => {
    const layers = layersOf('resnet20');
    expect(layers).toHaveLength(19);
    expect(layers.map(({ stream }) => stream)).toEqual(
      [true, ...Array.from({ length: 9 }, () => [false, true])].flat(),
    );
    expect(layers.map(({ size }) => size)).toEqual([...Array(7).fill(32), ...Array(6).fill(16), ...Array(6).fill(8)]);
  });

  test('of a chain: no stream', () => {
    expect(layersOf('convnet-micro').map(({ width, stream }) => [width, stream])).toEqual([
      [8, false],
      [16, false],
      [16, false],
      [32, false],
    ]);
  });

  test('of MobileNetV2: the narrow ends that additions tie are streams, the expanded insides are not', () => {
    const layers = layersOf('mobilenetv2-cifar');
    expect(layers.filter(({ layer }) => layer.endsWith('.expand')).every(({ stream }) => !stream)).toBe(true);
    expect(layers.find(({ layer }) => layer === 'block3.project')?.stream).toBe(true);
  });

  test('have the widths that their groups are given', () => {
    const layers = drawnLayers(buildNetwork('resnet20'), new Map([['block2.conv1', 5]]));
    expect(layers.find(({ layer }) => layer === 'block2.conv1')).toMatchObject({ width: 5, original: 16 });
  });
});

describe.each(['convnet-micro', 'resnet20', 'resnet56', 'mobilenetv2-cifar'])('%s drawn 180 pixels wide', (id) => {
  const layers = layersOf(id);
  const most = Math.max(...layers.map(({ width }) => width));
  const bars = layOutDrawing(layers, { width: 180, height: 100, most });

  test('has bars in order within the drawing, about its middle', () => {
    bars.forEach(({ x, thickness, top, height }, index) => {
      const before = bars[index - 1];
      expect(x).toBeGreaterThanOrEqual(before ? before.x + before.thickness - 1e-9 : 0);
      expect(x + thickness).toBeLessThanOrEqual(180 + 1e-9);
      expect(top + height / 2).toBeCloseTo(50, 9);
    });
    expect(Math.max(...bars.map(({ height }) => height))).toBe(100);
  });

  test('has heights in proportion to the widths, and thicker bars where maps are larger', () => {
    const [first, last] = [bars[0], bars.at(-1)];
    for (const bar of bars) expect(bar.height / 100).toBeCloseTo(Math.max(bar.width / most, 0.01), 9);
    expect(first?.thickness).toBeGreaterThan(last?.thickness ?? Infinity);
  });
});

test('a stream is one band from its first layer to its last, a new one where the maps change', () => {
  const bars = layOutDrawing(layersOf('resnet20'), { width: 180, height: 100, most: 64 });
  const bands = streamBands(bars);
  expect(bands).toHaveLength(3);
  expect(bands.map(({ height }) => height)).toEqual([25, 50, 100]);
  expect(bands[0]?.x).toBe(0);
});
