import {
  BATCH_NORM_EPSILON,
  CHANNEL_DEVIATION,
  CHANNEL_MEAN,
  type Node,
  sameOutput,
  samePadLow,
} from '../core/network/index.ts';
import { type Exported, Names, fileName } from './format.ts';
import { type ExportSource, type Model, type ModelTensor, compactModel } from './model.ts';
import { type OnnxAttribute, type OnnxNode, type OnnxTensor, encodeModel } from './onnx-proto.ts';

const NCHW_FROM_NHWC = [0, 3, 1, 2];
const NHWC_FROM_NCHW = [0, 2, 3, 1];
const MAXIMUM_OF_RELU6 = 6;

/**
 * The compact network as one ONNX file, `<name>.onnx` (default: the network's id), in operators of opset 17. Input `images`: float32 [batch, height,
 * width, 3], RGB in 0 to 1; the graph transposes and normalises. Output `logits`: float32 [batch, classes]. Values carry
 * the ids of the nodes that give them, weights the names of core/network, with kernels as [out, in, height, width]. Throws
 * what compactModel throws.
 */
export function exportOnnx(source: ExportSource, called: string = source.network.id): Exported {
  const model = compactModel(source);
  const graph = new Graph(model);
  for (const node of model.network.nodes) graph.add(node);
  const { id } = model.network;
  const bytes = encodeModel({
    name: id,
    nodes: graph.finished(),
    initialisers: graph.initialisers,
    input: { name: graph.images, shape: ['batch', ...model.input.shape] },
    output: { name: graph.logits, shape: ['batch', model.classes] },
    metadata: model.metadata,
  });
  const name = fileName(called, 'onnx');
  return {
    files: [{ name, bytes }],
    snippet: { language: 'python', install: 'pip install numpy onnxruntime', code: snippet(name, model, graph) },
  };
}

/** A value of the graph: a vector [batch, channels], or maps [batch, channels, height, width]. */
interface Value {
  readonly name: string;
  readonly vector: boolean;
}

class Graph {
  readonly initialisers: OnnxTensor[] = [];
  readonly images: string;
  readonly logits: string;
  readonly #nodes: OnnxNode[] = [];
  readonly #names = new Names();
  readonly #values = new Map<string, Value>();

  constructor(readonly model: Model) {
    this.images = this.#names.take('images');
    this.logits = this.#names.take('logits');
  }

  add(node: Node): void {
    this.#values.set(node.id, this.#translate(node));
  }

  /** All nodes, the last of which gives the logits. */
  finished(): readonly OnnxNode[] {
    const { name } = this.#vector(this.#value(this.model.classifier));
    return [...this.#nodes, { op: 'Identity', output: this.logits, inputs: [name], attributes: {} }];
  }

  #translate(node: Node): Value {
    const { id } = node;
    switch (node.op) {
      case 'input': {
        const maps = this.#emit('Transpose', `${id}.nchw`, [this.images], { perm: NCHW_FROM_NHWC });
        const centred = this.#emit('Sub', `${id}.centred`, [maps, this.#perChannel(`${id}.mean`, CHANNEL_MEAN)]);
        const deviation = this.#perChannel(`${id}.deviation`, CHANNEL_DEVIATION);
        return this.#maps(this.#emit('Div', id, [centred, deviation]));
      }
      case 'conv': {
        const kernel = this.#weights(transposed(this.model.tensor(`${id}/kernel`), [3, 2, 0, 1]));
        return this.#maps(this.#emit('Conv', id, [this.#mapsOf(node.input), kernel], this.#window(node, node.kernel)));
      }
      case 'depthwiseConv': {
        // [height, width, channels, 1] is one filter of one channel for each channel: [channels, 1, height, width].
        const kernel = this.#weights(transposed(this.model.tensor(`${id}/kernel`), [2, 3, 0, 1]));
        const group = this.#shape(id)[2];
        const attributes = { ...this.#window(node, node.kernel), group };
        return this.#maps(this.#emit('Conv', id, [this.#mapsOf(node.input), kernel], attributes));
      }
      case 'batchNorm': {
        const weights = ['gamma', 'beta', 'mean', 'variance'].map((role) =>
          this.#weights(this.model.tensor(`${id}/${role}`)),
        );
        const epsilon = { float: BATCH_NORM_EPSILON };
        return this.#alike('BatchNormalization', id, this.#value(node.input), weights, { epsilon });
      }
      case 'relu':
        return this.#alike('Relu', id, this.#value(node.input));
      case 'relu6': {
        const bounds = [this.#scalar(`${id}.min`, 0), this.#scalar(`${id}.max`, MAXIMUM_OF_RELU6)];
        return this.#alike('Clip', id, this.#value(node.input), bounds);
      }
      case 'gate': {
        const input = this.#value(node.input);
        const gate = this.model.tensor(`${id}/gate`);
        const shape = input.vector ? gate.shape : [...gate.shape, 1, 1];
        return this.#alike('Mul', id, input, [this.#weights({ ...gate, shape })]);
      }
      case 'maxPool':
        return this.#maps(this.#emit('MaxPool', id, [this.#mapsOf(node.input)], this.#window(node, node.size)));
      case 'avgPool': {
        const attributes = { ...this.#window(node, node.size), count_include_pad: 0 };
        return this.#maps(this.#emit('AveragePool', id, [this.#mapsOf(node.input)], attributes));
      }
      case 'globalAvgPool':
        return this.#maps(this.#emit('GlobalAveragePool', id, [this.#mapsOf(node.input)]));
      case 'flatten': {
        // Channels last, as the weights that read it count them.
        const maps = this.#emit('Transpose', `${id}.nhwc`, [this.#mapsOf(node.input)], { perm: NHWC_FROM_NCHW });
        return { name: this.#emit('Flatten', id, [maps], { axis: 1 }), vector: true };
      }
      case 'add': {
        const [first, second] = node.inputs.map((input) => this.#value(input)) as [Value, Value];
        if (first.vector === second.vector) return this.#alike('Add', id, first, [second.name]);
        return this.#maps(
          this.#emit(
            'Add',
            id,
            node.inputs.map((input) => this.#mapsOf(input)),
          ),
        );
      }
      case 'dense': {
        const weights = ['kernel', 'bias'].map((role) => this.#weights(this.model.tensor(`${id}/${role}`)));
        const { name } = this.#vector(this.#value(node.input));
        return { name: this.#emit('Gemm', id, [name, ...weights]), vector: true };
      }
    }
  }

  #value(id: string): Value {
    const value = this.#values.get(id);
    if (!value) throw new Error(`export: "${id}" has no output yet`);
    return value;
  }

  #shape(id: string): readonly [number, number, number] {
    return this.model.shapes.get(id) ?? [0, 0, 0];
  }

  #maps(name: string): Value {
    return { name, vector: false };
  }

  /** The maps that a node gives; a vector becomes maps of one pixel. */
  #mapsOf(id: string): string {
    const { name, vector } = this.#value(id);
    if (!vector) return name;
    const shape = this.#names.take(`${id}.shape`);
    // 0 stands for the size that is there: the batch.
    this.initialisers.push({ name: shape, shape: [4], values: [0, this.#shape(id)[2], 1, 1] });
    return this.#emit('Reshape', `${id}.maps`, [name, shape]);
  }

  /** A vector; maps of one pixel become one. */
  #vector(value: Value): Value {
    if (value.vector) return value;
    return { name: this.#emit('Flatten', `${value.name}.vector`, [value.name], { axis: 1 }), vector: true };
  }

  /** An operator whose output has its first input's shape. */
  #alike(
    op: string,
    id: string,
    input: Value,
    others: readonly string[] = [],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): Value {
    return { ...input, name: this.#emit(op, id, [input.name, ...others], attributes) };
  }

  #emit(
    op: string,
    wanted: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const output = this.#names.take(wanted);
    this.#nodes.push({ op, output, inputs, attributes });
    return output;
  }

  #weights(tensor: OnnxTensor): string {
    const name = this.#names.take(tensor.name);
    this.initialisers.push({ ...tensor, name });
    return name;
  }

  #perChannel(name: string, values: readonly number[]): string {
    return this.#weights({ name, shape: [1, values.length, 1, 1], values: Float32Array.from(values) });
  }

  #scalar(name: string, value: number): string {
    return this.#weights({ name, shape: [], values: Float32Array.of(value) });
  }

  /** Size, strides and the zeros around the input that `same` padding puts there: top, left, bottom, right. */
  #window({ input, stride }: { input: string; stride: number }, size: number): Readonly<Record<string, OnnxAttribute>> {
    const [height, width] = this.#shape(input);
    const low = [height, width].map((length) => samePadLow(length, size, stride));
    const total = [height, width].map((length) =>
      Math.max((sameOutput(length, stride) - 1) * stride + size - length, 0),
    );
    const high = total.map((zeros, axis) => zeros - (low[axis] ?? 0));
    return { kernel_shape: [size, size], strides: [stride, stride], pads: [...low, ...high] };
  }
}

/** A tensor of four axes with its axes in another order: axis i of the result is axis `order[i]` of the tensor. */
function transposed(
  { name, shape, values }: ModelTensor,
  order: readonly [number, number, number, number],
): ModelTensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const [a, b, c, d] = order.map((axis) => ({ size: shape[axis] ?? 1, stride: strides[axis] ?? 1 })) as [
    { size: number; stride: number },
    { size: number; stride: number },
    { size: number; stride: number },
    { size: number; stride: number },
  ];
  const result = new Float32Array(values.length);
  let to = 0;
  for (let i = 0; i < a.size; i++)
    for (let j = 0; j < b.size; j++)
      for (let k = 0; k < c.size; k++)
        for (let l = 0; l < d.size; l++)
          result[to++] = values[i * a.stride + j * b.stride + k * c.stride + l * d.stride] ?? 0;
  return { name, shape: order.map((axis) => shape[axis] ?? 1), values: result };
}

function snippet(file: string, { input, classes }: Model, { images, logits }: Graph): string {
  return `import numpy as np
import onnxruntime as ort

session = ort.InferenceSession(${JSON.stringify(file)})
pixels = np.zeros((1, ${input.shape.join(', ')}), np.uint8)  # your images: batch, height, width, RGB
(logits,) = session.run([${JSON.stringify(logits)}], {${JSON.stringify(images)}: pixels.astype(np.float32) / 255})
print(logits.shape, logits.argmax(axis=1))  # (1, ${classes}) and the class of each image
`;
}
