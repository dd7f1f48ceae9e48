import { parametersOf } from '../core/network/index.ts';
import { type Exported, fileName, floatBytes, joinBytes, textBytes } from './format.ts';
import { type ExportSource, type ModelTensor, compactModel } from './model.ts';

/**
 * The tensors of the compact network as one safetensors file: `<name>.safetensors` (default: the network's id). Names and layouts as in
 * core/network (kernels [height, width, in, out], depthwise ones [height, width, channels, 1], dense ones [in, out]),
 * float32. The file's metadata hold the network that the tensors belong to. Throws what compactModel throws.
 */
export function exportSafetensors(source: ExportSource, called: string = source.network.id): Exported {
  const { network, metadata, tensor } = compactModel(source);
  const tensors = parametersOf(network).map(({ name }) => tensor(name));
  const name = fileName(called, 'safetensors');
  return {
    files: [
      { name, bytes: joinBytes([header(tensors, metadata), ...tensors.map(({ values }) => floatBytes(values))]) },
    ],
    snippet: { language: 'python', install: 'pip install numpy safetensors', code: snippet(name, tensors) },
  };
}

/** Length of the JSON as 8 bytes, lowest first, and the JSON, padded with spaces so that tensors start at a multiple of 8. */
function header(tensors: readonly ModelTensor[], metadata: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  let offset = 0;
  const entries = tensors.map(({ name, shape, values }) => {
    const begin = offset;
    offset += 4 * values.length;
    return [name, { dtype: 'F32', shape, data_offsets: [begin, offset] }] as const;
  });
  const json = textBytes(JSON.stringify(Object.fromEntries([['__metadata__', metadata], ...entries])));
  const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(' '.charCodeAt(0));
  padded.set(json);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(padded.length), true);
  return joinBytes([new Uint8Array(length.buffer), padded]);
}

function snippet(file: string, tensors: readonly ModelTensor[]): string {
  const [first] = tensors;
  const lines = [
    'import json',
    'from safetensors import safe_open',
    '',
    `with safe_open(${JSON.stringify(file)}, framework="numpy") as file:`,
    '    metadata = file.metadata()',
    '    network = json.loads(metadata["network"])  # nodes in order, with what each reads',
    '    tensors = {name: file.get_tensor(name) for name in file.keys()}',
    '',
    'print(network["id"], len(tensors))',
    ...(first ? [`print(tensors[${JSON.stringify(first.name)}].shape)  # (${first.shape.join(', ')})`] : []),
  ];
  return `${lines.join('\n')}\n`;
}
