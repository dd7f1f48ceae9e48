import { type Bytes, floatBytes, integerBytes, joinBytes } from './format.ts';
import { bytesField, floatField, integerField, messageField, textField } from './protobuf.ts';

/** Version of the operators, and of the file format that came with it. */
export const OPSET = 17;
const IR_VERSION = 8;

/** Numbers of AttributeProto.AttributeType and TensorProto.DataType. */
const FLOAT_ATTRIBUTE = 1;
const INTEGER_ATTRIBUTE = 2;
const INTEGERS_ATTRIBUTE = 7;
const FLOAT_TENSOR = 1;
const INT64_TENSOR = 7;

/** A whole number, a list of them, or a float. */
export type OnnxAttribute = number | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly op: string;
  /** Its name, and that of the one value it gives. */
  readonly output: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Float32, or integers of 64 bits. */
  readonly values: Float32Array | readonly number[];
}

/** A float32 input or output of the graph; a name stands for a size that is free. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initialisers: readonly OnnxTensor[];
  readonly input: OnnxValue;
  readonly output: OnnxValue;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The bytes of a ModelProto (onnx/onnx.proto, whose field numbers these are). */
export function encodeModel(graph: OnnxGraph): Bytes {
  return joinBytes([
    integerField(1, IR_VERSION),
    textField(2, 'Espalier'),
    messageField(7, [
      ...graph.nodes.map((node) => messageField(1, nodeFields(node))),
      textField(2, graph.name),
      ...graph.initialisers.map((tensor) => messageField(5, tensorFields(tensor))),
      messageField(11, valueFields(graph.input)),
      messageField(12, valueFields(graph.output)),
    ]),
    messageField(8, [textField(1, ''), integerField(2, OPSET)]),
    ...Object.entries(graph.metadata).map(([key, value]) => messageField(14, [textField(1, key), textField(2, value)])),
  ]);
}

const nodeFields = ({ op, output, inputs, attributes }: OnnxNode): Bytes[] => [
  ...inputs.map((input) => textField(1, input)),
  textField(2, output),
  textField(3, output),
  textField(4, op),
  ...Object.entries(attributes).map(([name, value]) =>
    messageField(5, [textField(1, name), ...attributeFields(value)]),
  ),
];

function attributeFields(value: OnnxAttribute): Bytes[] {
  if (typeof value === 'number') return [integerField(3, value), integerField(20, INTEGER_ATTRIBUTE)];
  if ('float' in value) return [floatField(2, value.float), integerField(20, FLOAT_ATTRIBUTE)];
  return [...value.map((item) => integerField(8, item)), integerField(20, INTEGERS_ATTRIBUTE)];
}

function tensorFields({ name, shape, values }: OnnxTensor): Bytes[] {
  const isFloat = values instanceof Float32Array;
  return [
    ...shape.map((size) => integerField(1, size)),
    integerField(2, isFloat ? FLOAT_TENSOR : INT64_TENSOR),
    textField(8, name),
    bytesField(9, isFloat ? floatBytes(values) : integerBytes(values)),
  ];
}

/** ValueInfoProto of a TypeProto.Tensor. */
const valueFields = ({ name, shape }: OnnxValue): Bytes[] => [
  textField(1, name),
  messageField(2, [
    messageField(1, [
      integerField(1, FLOAT_TENSOR),
      messageField(
        2,
        shape.map((size) => messageField(1, [typeof size === 'number' ? integerField(1, size) : textField(2, size)])),
      ),
    ]),
  ]),
];
