// What the benchmark uses of peers that may not be installed (bench/package.json), so that types are checked without.

declare module '@jax-js/jax' {
  /** An array, or a tracer of one. Functions take ownership of their arguments; `.ref` keeps one for another use. */
  export interface Value {
    readonly ref: Value;
    readonly shape: number[];
    add(other: Value | number): Value;
    sub(other: Value | number): Value;
    mul(other: Value | number): Value;
    div(other: Value | number): Value;
    reshape(shape: readonly number[]): Value;
    transpose(axes?: readonly number[]): Value;
    dispose(): void;
    data(): Promise<Float32Array>;
  }
  type Axes = number | readonly number[];
  export const numpy: {
    array(values: Float32Array): Value;
    mean(x: Value, axis?: Axes, options?: { keepdims: boolean }): Value;
    sum(x: Value, axis?: Axes): Value;
    max(x: Value, axis?: Axes): Value;
    sqrt(x: Value): Value;
    square(x: Value): Value;
    matmul(x: Value, y: Value): Value;
    zerosLike(x: Value): Value;
  };
  export const lax: {
    conv(x: Value, kernel: Value, strides: readonly number[], padding: readonly (readonly [number, number])[]): Value;
    reduceWindow(
      x: Value,
      compute: (window: Value) => Value,
      size: readonly number[],
      strides: readonly number[],
    ): Value;
  };
  export const nn: {
    relu(x: Value): Value;
    relu6(x: Value): Value;
    logSoftmax(x: Value, axis: number): Value;
  };
  export function init(...devices: string[]): Promise<string[]>;
  export function defaultDevice(device: string): string;
  export function blockUntilReady<Tree>(tree: Tree): Promise<Tree>;
  export function jit<Arguments extends readonly unknown[], Result>(
    compute: (...given: Arguments) => Result,
  ): (...given: Arguments) => Result;
  export function valueAndGrad<First, Rest extends readonly unknown[]>(
    compute: (first: First, ...rest: Rest) => Value,
  ): (first: First, ...rest: Rest) => [Value, First];
}

declare module 'convnetjs' {
  export interface Vol {
    readonly sx: number;
    readonly sy: number;
    readonly depth: number;
    w: Float64Array | number[];
    dw: Float64Array | number[];
  }
  export interface Layer {
    readonly layer_type: string;
    readonly out_sx: number;
    readonly out_sy: number;
    readonly out_depth: number;
    readonly filters?: readonly Vol[];
    pad?: number;
    forward(input: Vol, training: boolean): Vol;
    backward(label?: number): number | void;
    getParamsAndGrads(): readonly object[];
  }
  export interface Net {
    layers: Layer[];
    makeLayers(definitions: readonly object[]): void;
  }
  const convnetjs: {
    readonly Vol: new (sx: number, sy: number, depth: number, fill?: number) => Vol;
    readonly Net: new () => Net;
    readonly Trainer: new (
      net: Net,
      options: object,
    ) => { train(image: Vol, label: number): { readonly cost_loss: number } };
  };
  export default convnetjs;
}
