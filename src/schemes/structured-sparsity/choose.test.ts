import { describe, expect, test } from 'vitest';
import { buildNetwork, checkStructure, countStructure, denseStructure } from '../../core/network/index.ts';
import { kernelLayers, stridedLayers } from '../../core/sparsity/index.ts';
import { type Given, SMALL, decideAll, kernel, kernelIn, labOf, madeUpAccuracy, map, one, stride } from './testing.ts';

const micro = buildNetwork('convnet-micro');
const resnet = buildNetwork('resnet20', 0.25);

describe('every candidate ever scored keeps the exact count of every layer (property 10)', () => {
  const few = { particles: 5, rounds: 4, crossover: 0.5, candidates: 7, noise: 0.2 };

  test.each(['particles', 'best', 'random'])('maps, %s', async (choose) => {
    const { candidates } = await one(resnet, map(40, 0.6, choose), few);
    // Widths 4, 8 and 16: round(0.6 x width). Streams and the first convolution keep theirs.
    const inner = (block: number): number => [2, 5, 10][Math.floor((block - 1) / 3)] ?? 0;
    for (const { structure, write } of candidates()) {
      expect(write).toBeUndefined();
      checkStructure(resnet, structure);
      for (let block = 1; block <= 9; block++) {
        expect(structure.channels[`block${block}.conv1`]).toHaveLength(inner(block));
      }
      expect(structure.channels['stem']).toHaveLength(4);
    }
  });

  test('kernels: whole ones, in every convolution but the first', async () => {
    const { candidates } = await one(resnet, kernel(40, 0.3, 'particles'), few);
    for (const { structure, write } of candidates()) {
      expect(structure).toEqual(denseStructure(resnet));
      expect([...(write ?? new Map()).keys()]).toEqual(kernelLayers(resnet).map(({ id }) => `${id}/kernel`));
      for (const { id, inputs, outputs, taps } of kernelLayers(resnet)) {
        const kernels = inputs * outputs;
        const values = kernelIn(write, id);
        const left = Array<number>(kernels).fill(0);
        values.forEach((value, i) => (left[i % kernels] = (left[i % kernels] ?? 0) + Number(value !== 0)));
        expect(left.filter((count) => count > 0)).toEqual(Array(Math.round(0.3 * kernels)).fill(taps));
      }
    }
  });

  test.each([2, 3])('taps at stride %i: an offset for each source map, 1x1 kernels passed over', async (by) => {
    const { candidates } = await one(resnet, stride(40, by, 'particles'), few);
    for (const { structure } of candidates()) {
      checkStructure(resnet, structure);
      expect(Object.keys(structure.taps ?? {})).toEqual(stridedLayers(resnet).map(({ id }) => id));
      expect(Object.keys(structure.taps ?? {}).some((id) => id.includes('shortcut'))).toBe(false);
      expect(Object.values(structure.taps ?? {}).every((pattern) => pattern.stride === by)).toBe(true);
      if (by === 3) expect(countStructure(resnet, structure).layers[1]?.parameters).toBe((4 * 4 * 9) / 3);
    }
  });

  test('taps without the constraint: an offset for each kernel', async () => {
    const { candidates } = await one(micro, stride(40, 2, 'best'), { ...few, constraint: false });
    for (const { structure, write } of candidates()) {
      expect(structure.taps).toBeUndefined();
      for (const { id, inputs, outputs } of stridedLayers(micro)) {
        const kernels = inputs * outputs;
        const values = kernelIn(write, id);
        const taps = Array.from({ length: kernels }, (_, k) =>
          [...Array(9).keys()].filter((tap) => values[tap * kernels + k] !== 0).join(' '),
        );
        expect(new Set(taps)).toEqual(new Set(['0 2 4 6 8', '1 3 5 7']));
      }
    }
  });
});

describe('choosing', () => {
  test('magnitude is scored whatever chooses, and progress counts what was told', async () => {
    for (const [choose, count] of [
      ['random', 2],
      ['magnitude', 1],
      ['best', 1 + 40],
      // Rounds after the first score one fewer: the best keeps its score. As many masks again, but for those drawn.
      ['particles', 1 + 5 + 2 * 4 + 2 * 4],
    ] as const) {
      const { candidates, progress, report, decision } = await one(micro, map(40, 0.5, choose), {
        candidates: 40,
        particles: 5,
        rounds: 3,
      });
      const scores = candidates().map((candidate) => madeUpAccuracy(micro, candidate));
      const magnitude = await one(micro, map(40));
      expect(scores).toHaveLength(count);
      expect(report.chosen?.magnitude).toBe(madeUpAccuracy(micro, magnitude.decision));
      expect(report.chosen?.accuracy).toBe(madeUpAccuracy(micro, decision));
      expect(progress.at(-1)).toMatchObject({ what: 'masks scored', done: count, of: count });
      expect(progress.map(({ done }) => done)).toEqual(progress.map(({ done }) => done).sort((a, b) => a - b));
      if (choose !== 'best') continue;
      const best = Math.max(...scores.slice(1));
      expect(report.chosen?.accuracy).toBe(best);
      expect(report.chosen?.rounds).toMatchObject([
        { round: 0, scores: scores.slice(1), best, bestIndex: scores.slice(1).indexOf(best), effectiveSampleSize: 40 },
      ]);
    }
  });

  test('the particle filter takes the best of its own masks; as many random ones are compared', async () => {
    const { candidates, report } = await one(micro, map(40, 0.5, 'particles'), { particles: 5, rounds: 3 });
    const scores = candidates().map((candidate) => madeUpAccuracy(micro, candidate));
    const own = scores.slice(1, 1 + 5 + 8);
    const drawn = scores.slice(1, 1 + 5);
    expect(report.chosen).toMatchObject({ choose: 'particles', evaluations: 13, accuracy: Math.max(...own) });
    expect(report.chosen?.bestOfN).toEqual({ evaluations: 13, accuracy: Math.max(...drawn, ...scores.slice(14)) });
    expect(report.chosen?.rounds?.map(({ scores: all }) => all.length)).toEqual([5, 5, 5]);
    const random = await one(micro, map(40, 0.5, 'best'), { candidates: 13 });
    expect(random.report.chosen?.accuracy).toBe(report.chosen?.bestOfN?.accuracy);
    const alone = await one(micro, map(40, 0.5, 'particles'), { particles: 5, rounds: 3, compare: false });
    expect(alone.report.chosen?.bestOfN).toBeNull();
    expect(alone.candidates()).toHaveLength(14);
  });

  test('power, noise and crossover are those of the options', async () => {
    const rounds = async (given: Given) => {
      const { report, candidates } = await one(micro, map(40, 0.5, 'particles'), {
        particles: 6,
        compare: false,
        ...given,
      });
      const structures = candidates().map(({ structure }) => JSON.stringify(structure));
      return { rounds: report.chosen?.rounds ?? [], masks: new Set(structures.slice(1)).size };
    };
    const couples = (all: Awaited<ReturnType<typeof rounds>>) =>
      all.rounds.flatMap(({ parents }) => parents).filter(({ length }) => length === 2).length;
    const plain = await rounds({ power: 0, noise: 0 });
    for (const { weights } of plain.rounds) expect(weights).toEqual(Array(6).fill(1 / 6));
    // Without noise nothing but the six that were drawn is ever scored.
    expect([plain.rounds.length, plain.masks, couples(plain)]).toEqual([6, 6, 0]);
    const other = await rounds({ power: 8, noise: 0.3, crossover: 1, rounds: 4 });
    expect(other.rounds[0]?.weights).not.toEqual(plain.rounds[0]?.weights);
    expect(other.rounds).toHaveLength(4);
    expect(other.masks).toBeGreaterThan(6);
    expect(couples(other)).toBeGreaterThan(0);
  });

  test('the report says how many held-out images there were, where more are asked for', async () => {
    for (const [images, heldOut] of [
      [1_000, 60],
      [30, 60],
    ] as const) {
      const { calls, report } = await one(micro, map(40), { images }, { heldOut });
      expect(calls.map((call) => call.images)).toEqual([Math.min(images, heldOut)]);
      expect(report.chosen?.images).toBe(Math.min(images, heldOut));
    }
  });

  test('the same seed chooses the same, another one and another stage draw others', async () => {
    const drawn = async (seed: number, stages: Given['stages']) =>
      decideAll(labOf(micro, { stages: stages ?? [], recalibrate: 0 }, { seed }), [40, 60]);
    const stages = [map(40, 0.5, 'random'), stride(60, 3, 'random')];
    expect(await drawn(3, stages)).toEqual(await drawn(3, stages));
    expect((await drawn(3, stages))[0]?.structure).not.toEqual((await drawn(4, stages))[0]?.structure);
    const kept = await drawn(3, [map(40, 1), map(60, 0.5, 'random')]);
    expect(kept[1]?.structure.channels).not.toEqual((await drawn(3, stages))[0]?.structure.channels);
  });

  test('magnitude picks the offsets of the worked example (section 11.1)', async () => {
    const kernels = [
      [
        [1, 2, 3, 4, 5, 6, 7, 8, 9],
        [9, 8, 7, 6, 5, 4, 3, 2, 1],
      ],
      [
        [1, -1, 1, -1, 1, -1, 1, -1, 1],
        [2, 0, 1, -2, 3, 1, 0, -1, 2],
      ],
    ];
    const weights = Float32Array.from({ length: 36 }, (_, i) => kernels[i % 2]?.[Math.floor(i / 2) % 2]?.[i >> 2] ?? 0);
    const parameters = new Map([['b/kernel', weights]]);
    const offsets = async (by: number, constraint = true) => {
      const { decision, report } = await one(SMALL, stride(40, by), { constraint }, { parameters });
      return { taps: decision.structure.taps, layer: report.layers.find(({ layer }) => layer === 'b') };
    };
    expect((await offsets(2)).taps).toEqual({ b: { stride: 2, offsets: [0, 0] } });
    expect((await offsets(3)).taps).toEqual({ b: { stride: 3, offsets: [2, 0] } });
    // Five taps of each source map at stride 2, three at 3; 4x4 output positions.
    const lowered = (rows: number) => ({ outputs: 2, rows, positions: 16, macs: 2 * rows * 16 });
    expect((await offsets(2)).layer?.lowered).toEqual({ dense: lowered(18), kept: lowered(10) });
    expect((await offsets(3)).layer?.lowered?.kept).toEqual(lowered(6));
    // By hand for each kernel: sums of d = 0 as above, of d = 1 equal at stride 3, where the first stays.
    const free = await offsets(3, false);
    expect(free.taps).toBeUndefined();
    expect(free.layer?.free).toEqual({ stride: 3, offsets: [2, 0, 0, 0] });
    expect(free.layer?.weights).toEqual({ dense: 36, kept: 12 });
    // Source map 0 needs the rows of both its kernels.
    expect(free.layer?.lowered?.kept).toEqual(lowered(9));
    expect(free.layer?.macs).toEqual({ dense: 36 * 16, kept: 12 * 16 });
  });
});
