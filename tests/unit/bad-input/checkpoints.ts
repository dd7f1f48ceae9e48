import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type RunCheckpoint, decodeCheckpoint, encodeCheckpoint } from '../../../src/lab/checkpoint.ts';
import { Run } from '../../../src/lab/run.ts';
import { madeUpCifar } from '../../../src/lab/testing.ts';
import { made, specOf, tolerantEngine } from './made.ts';
import { type Effort, asserted, change, changed, guarded } from './nasty.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** What a checkpoint is refused with: our own sentences, never what a language throws. */
const known = (error: Error): boolean => error.constructor === Error;

/** What a run is refused with may be about a key of its spec, as problems of specs are: those end without a stop. */
function refused(error: Error): boolean {
  if (/^(data|train|model|scheme)\.\w+: /.test(error.message)) error.message = error.message.replace(/\.?$/, '.');
  return known(error);
}

const headerOf = (bytes: Bytes): { readonly text: string; readonly end: number } => {
  const end = 12 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  return { text: new TextDecoder().decode(bytes.subarray(12, end)), end };
};

/** A checkpoint with another header (and other tensors), signed as if it were its own. */
async function signed(bytes: Bytes, header: string, tensors = bytes.slice(headerOf(bytes).end, -32)): Promise<Bytes> {
  const text = new TextEncoder().encode(header);
  const length = Math.ceil(text.length / 4) * 4;
  const out = new Uint8Array(12 + length + tensors.length + 32);
  out.set(bytes.subarray(0, 8));
  new DataView(out.buffer).setUint32(8, length, true);
  out.fill(0x20, 12, 12 + length);
  out.set(text, 12);
  out.set(tensors, 12 + length);
  out.set(new Uint8Array(await crypto.subtle.digest('SHA-256', out.slice(0, -32))), out.length - 32);
  return out;
}

/** Goes on from a checkpoint for a step, as the lab does. */
async function resumed(checkpoint: RunCheckpoint): Promise<void> {
  const run = new Run(checkpoint.spec, { onEvent: () => undefined });
  await run.open(tolerantEngine(), madeUpCifar(), { resume: checkpoint });
  await run.advance('step');
  await run.dispose();
}

const STAGES = [{ granularity: 'kernel', at: 6, keep: 0.7 }];
const SCHEMES_WITH_STATE = [
  { id: 'chex' },
  { id: 'taylor', at: 4 },
  { id: 'pai-mask' },
  { id: 'structured-sparsity', stages: STAGES },
];

export function checkpoints(effort: Effort): void {
  describe('checkpoints', () => {
    let all: readonly Bytes[] = [];
    beforeAll(async () => {
      const own: Bytes[] = [];
      for (const scheme of SCHEMES_WITH_STATE) {
        const { run } = await made(specOf(scheme, { model: { id: 'convnet-micro', width: 0.5 } }));
        own.push(await encodeCheckpoint(await run.checkpoint()));
      }
      all = own;
    }, 120_000);
    const pick = (which: number): Bytes => all[which % all.length] ?? new Uint8Array();

    test('the checkpoints themselves are read, and gone on from', async () => {
      for (const bytes of all) await resumed(await decodeCheckpoint(bytes));
    });

    test('cut off, or any bit flipped', () =>
      asserted(effort, 150, [fc.nat(), fc.nat(), fc.nat(7), fc.boolean()], async (which, place, bit, cut) => {
        const bytes = pick(which);
        const at = place % bytes.length;
        const altered = bytes.slice(0, cut ? at : undefined);
        if (!cut) altered[at] = (altered[at] ?? 0) ^ (1 << bit);
        expect(await guarded(() => decodeCheckpoint(altered), known)).toBeNull();
      }));

    test('any change of the header, signed anew: refused, or a run that can go on', () =>
      asserted(effort, 300, [fc.nat(), change], async (which, one) => {
        const bytes = pick(which);
        const { text } = headerOf(bytes);
        const header = JSON.stringify(changed(JSON.parse(text), one)) ?? '';
        const altered = await signed(bytes, header);
        const read = await guarded(() => decodeCheckpoint(altered), known);
        if (read) await guarded(() => resumed(read), refused);
      }));

    test('any change of the state of its scheme, signed anew', () =>
      asserted(effort, 100, [fc.nat(), change], async (which, one) => {
        const bytes = pick(which);
        const header = JSON.parse(headerOf(bytes).text) as Record<string, unknown>;
        header['scheme'] = changed(header['scheme'], one);
        const read = await guarded(() => signed(bytes, JSON.stringify(header)).then(decodeCheckpoint), known);
        if (read) await guarded(() => resumed(read), refused);
      }));

    test('headers that are none, and tensors that are those of another network', async () => {
      const [bytes = new Uint8Array()] = all;
      const { text } = headerOf(bytes);
      for (const header of ['', '{', 'null', '[]', '"x"', '['.repeat(50_000), text.slice(0, -9)]) {
        expect(await guarded(() => signed(bytes, header).then(decodeCheckpoint), known)).toBeNull();
      }
      const wrong = (header: (own: Record<string, unknown>) => object, message: RegExp): Promise<void> =>
        expect(
          signed(bytes, JSON.stringify(header(JSON.parse(text) as Record<string, unknown>))).then(decodeCheckpoint),
        ).rejects.toThrow(message);
      type Tensor = { name: string; length: number };
      const tensors = (own: Record<string, unknown>): Tensor[] => own['tensors'] as Tensor[];
      await wrong((own) => ({ ...own, tensors: [] }), /bytes that belong to no tensor/);
      await wrong(
        (own) => ({ ...own, structure: { channels: { conv9: [0] } } }),
        /cannot be used: structure: .*no channel group "conv9"\.$/,
      );
      await wrong((own) => ({ ...own, structure: { channels: { conv1: [] } } }), /keeps no channel/);
      await wrong((own) => ({ ...own, structure: { channels: { conv1: [0, 9_999] } } }), /ascending, once each/);
      await wrong((own) => ({ ...own, step: 24 }), /step 24 is behind the end of its run, 23/);
      // Two that lie one behind the other trade what they hold.
      await wrong((own) => {
        const [first, second, ...more] = tensors(own);
        if (!first || !second) throw new Error('no tensors');
        const traded = [{ ...first, length: first.length + 1 }, { ...second, length: second.length - 1 }, ...more];
        return { ...own, tensors: traded };
      }, /the parameters of "conv1\/kernel" have \d+ values, not \d+\.$/);
      await wrong((own) => {
        const [first, ...more] = tensors(own);
        return { ...own, tensors: [{ ...first, name: '__proto__' }, ...more] };
      }, /the parameters of "conv1\/kernel" are missing\.$/);
      await wrong(
        (own) => ({ ...own, tensors: [{ section: 'parameters', name: 'more', length: 0 }, ...tensors(own)] }),
        /has \d+ tensors, and its network \d+\.$/,
      );
    });
  });
}
