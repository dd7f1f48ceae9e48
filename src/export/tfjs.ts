import { BATCH_NORM_EPSILON, CHANNEL_DEVIATION, CHANNEL_MEAN, type Node } from '../core/network/index.ts';
import { type Exported, Names, fileName, floatBytes, joinBytes, textBytes } from './format.ts';
import { type ExportSource, type Model, type ModelTensor, compactModel } from './model.ts';

const MAXIMUM_OF_RELU6 = 6;

/**
 * The compact network as a TF.js layers model: `model.json` and `weights.bin`, or
 * `<name>.model.json` and `<name>.weights.bin` where a name is given. They must lie in one folder. Input: float32
 * [batch, height, width, 3], RGB in 0 to 1; the first layer normalises. Output: logits [batch, classes]. Layers are called
 * as the network's nodes, weights as Keras calls them, in Keras' layouts, which are those of core/network. Throws what
 * compactModel throws.
 */
export function exportTfjs(source: ExportSource, called?: string): Exported {
  const [file, weights] =
    called === undefined
      ? ['model.json', 'weights.bin']
      : [fileName(called, 'model.json'), fileName(called, 'weights.bin')];
  const model = compactModel(source);
  const layers = new Layers(model);
  for (const node of model.network.nodes) layers.add(node);
  const topology = {
    class_name: 'Functional',
    config: {
      name: model.network.id,
      layers: layers.list,
      input_layers: [[layers.images, 0, 0]],
      output_layers: [[layers.logits(), 0, 0]],
    },
  };
  const json = {
    format: 'layers-model',
    generatedBy: 'Espalier',
    convertedBy: null,
    modelTopology: { keras_version: 'tfjs-layers 4.22.0', backend: 'tensor_flow.js', model_config: topology },
    userDefinedMetadata: model.metadata,
    weightsManifest: [
      {
        paths: [weights],
        weights: layers.weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  };
  return {
    files: [
      { name: file, bytes: textBytes(JSON.stringify(json)) },
      { name: weights, bytes: joinBytes(layers.weights.map(({ values }) => floatBytes(values))) },
    ],
    snippet: { language: 'javascript', install: 'npm install @tensorflow/tfjs', code: snippet(file, weights, model) },
  };
}

type Config = Readonly<Record<string, unknown>>;

interface Layer {
  readonly name: string;
  readonly class_name: string;
  readonly config: Config;
  readonly inbound_nodes: readonly unknown[];
}

/** What a layer gives: vectors [batch, channels], or maps [batch, height, width, channels]. */
interface Output {
  readonly layer: string;
  readonly vector: boolean;
}

class Layers {
  readonly list: Layer[] = [];
  /** In the order of the layers. */
  readonly weights: ModelTensor[] = [];
  readonly images: string;
  readonly #names = new Names();
  readonly #outputs = new Map<string, Output>();

  constructor(readonly model: Model) {
    this.images = this.#names.take('images');
  }

  add(node: Node): void {
    this.#outputs.set(node.id, this.#translate(node));
  }

  /** The layer that gives the logits. */
  logits(): string {
    return this.#vector(this.model.classifier);
  }

  #translate(node: Node): Output {
    const { id } = node;
    switch (node.op) {
      case 'input': {
        const config = { batch_input_shape: [null, ...node.shape], dtype: 'float32', sparse: false, name: this.images };
        this.list.push({ name: this.images, class_name: 'InputLayer', config, inbound_nodes: [] });
        // Folding this into the first convolution would be wrong at the borders, whose padding is 0 after normalising.
        const normalise = { axis: -1, epsilon: 0, center: false, scale: false };
        const layer = this.#emit('BatchNormalization', id, [this.images], normalise);
        this.#weight(layer, 'moving_mean', [CHANNEL_MEAN.length], CHANNEL_MEAN);
        this.#weight(
          layer,
          'moving_variance',
          [CHANNEL_MEAN.length],
          CHANNEL_DEVIATION.map((deviation) => deviation ** 2),
        );
        return { layer, vector: false };
      }
      case 'conv': {
        const config = { filters: node.filters, kernel_size: [node.kernel, node.kernel], use_bias: false };
        const layer = this.#emit('Conv2D', id, [this.#maps(node.input)], { ...config, ...window(node.stride) });
        this.#tensor(layer, 'kernel', `${id}/kernel`);
        return { layer, vector: false };
      }
      case 'depthwiseConv': {
        const config = { depth_multiplier: 1, kernel_size: [node.kernel, node.kernel], use_bias: false };
        const layer = this.#emit('DepthwiseConv2D', id, [this.#maps(node.input)], {
          ...config,
          ...window(node.stride),
        });
        this.#tensor(layer, 'depthwise_kernel', `${id}/kernel`);
        return { layer, vector: false };
      }
      case 'batchNorm': {
        const config = { axis: -1, epsilon: BATCH_NORM_EPSILON, center: true, scale: true };
        const output = this.#alike('BatchNormalization', id, node.input, config);
        this.#tensor(output.layer, 'gamma', `${id}/gamma`);
        this.#tensor(output.layer, 'beta', `${id}/beta`);
        this.#tensor(output.layer, 'moving_mean', `${id}/mean`);
        this.#tensor(output.layer, 'moving_variance', `${id}/variance`);
        return output;
      }
      case 'relu':
        return this.#alike('ReLU', id, node.input, {});
      case 'relu6':
        return this.#alike('ReLU', id, node.input, { max_value: MAXIMUM_OF_RELU6 });
      case 'gate': {
        // The stock layer that multiplies by a number for each channel: a norm of mean 0 and variance 1.
        const config = { axis: -1, epsilon: 0, center: false, scale: true };
        const output = this.#alike('BatchNormalization', id, node.input, config);
        const { shape, values } = this.#tensor(output.layer, 'gamma', `${id}/gate`);
        this.#weight(
          output.layer,
          'moving_mean',
          shape,
          values.map(() => 0),
        );
        this.#weight(
          output.layer,
          'moving_variance',
          shape,
          values.map(() => 1),
        );
        return output;
      }
      case 'maxPool':
      case 'avgPool': {
        const config = { pool_size: [node.size, node.size], ...window(node.stride) };
        const type = node.op === 'maxPool' ? 'MaxPooling2D' : 'AveragePooling2D';
        return { layer: this.#emit(type, id, [this.#maps(node.input)], config), vector: false };
      }
      case 'globalAvgPool': {
        const config = { data_format: 'channels_last' };
        return { layer: this.#emit('GlobalAveragePooling2D', id, [this.#maps(node.input)], config), vector: true };
      }
      case 'flatten':
        return { layer: this.#emit('Flatten', id, [this.#maps(node.input)], {}), vector: true };
      case 'add': {
        const vector = node.inputs.every((input) => this.#output(input).vector);
        const inputs = node.inputs.map((input) => (vector ? this.#vector(input) : this.#maps(input)));
        return { layer: this.#emit('Add', id, inputs, {}), vector };
      }
      case 'dense': {
        const config = { units: node.units, activation: 'linear', use_bias: true };
        const layer = this.#emit('Dense', id, [this.#vector(node.input)], config);
        this.#tensor(layer, 'kernel', `${id}/kernel`);
        this.#tensor(layer, 'bias', `${id}/bias`);
        return { layer, vector: true };
      }
    }
  }

  #output(id: string): Output {
    const output = this.#outputs.get(id);
    if (!output) throw new Error(`export: "${id}" has no output yet`);
    return output;
  }

  /** The layer that gives a node's output as maps; a vector becomes maps of one pixel. */
  #maps(id: string): string {
    const { layer, vector } = this.#output(id);
    const target_shape = [1, 1, this.model.shapes.get(id)?.[2] ?? 0];
    return vector ? this.#emit('Reshape', `${id}.maps`, [layer], { target_shape }) : layer;
  }

  /** The layer that gives a node's output as vectors; maps of one pixel become vectors. */
  #vector(id: string): string {
    const { layer, vector } = this.#output(id);
    return vector ? layer : this.#emit('Flatten', `${id}.vector`, [layer], {});
  }

  /** A layer whose output has its input's shape. */
  #alike(type: string, id: string, input: string, config: Config): Output {
    const { layer, vector } = this.#output(input);
    return { layer: this.#emit(type, id, [layer], config), vector };
  }

  #emit(type: string, wanted: string, inputs: readonly string[], config: Config): string {
    // Characters that TF.js refuses in the names of weights.
    const name = this.#names.take(wanted.replaceAll(/[^A-Za-z0-9.-]/g, '_').replace(/^(?![A-Za-z0-9])/, 'n'));
    this.list.push({
      name,
      class_name: type,
      config: { name, trainable: true, ...config },
      inbound_nodes: [inputs.map((input) => [input, 0, 0, {}])],
    });
    return name;
  }

  #weight(layer: string, role: string, shape: readonly number[], values: ArrayLike<number>): void {
    this.weights.push({ name: `${layer}/${role}`, shape, values: Float32Array.from(values) });
  }

  #tensor(layer: string, role: string, name: string): ModelTensor {
    const tensor = this.model.tensor(name);
    this.weights.push({ ...tensor, name: `${layer}/${role}` });
    return tensor;
  }
}

const window = (stride: number): Config => ({
  strides: [stride, stride],
  padding: 'same',
  data_format: 'channels_last',
});

const snippet = (
  file: string,
  weights: string,
  { input, classes }: Model,
): string => `import * as tf from '@tensorflow/tfjs';

const model = await tf.loadLayersModel('${file}'); // its address; ${weights} lies beside it
const pixels = new Uint8Array(${input.shape.join(' * ')}); // your image: rows of RGB, 0 to 255
const logits = model.predict(tf.tensor4d(Float32Array.from(pixels), [1, ${input.shape.join(', ')}]).div(255));
console.log(await logits.data(), await logits.argMax(-1).data()); // ${classes} logits and the class
`;
