import type { Exported } from './format.ts';
import type { ExportSource } from './model.ts';
import { exportOnnx } from './onnx.ts';
import { exportSafetensors } from './safetensors.ts';
import { exportTfjs } from './tfjs.ts';

export { type Exported, type ExportedFile, type Snippet, fileName } from './format.ts';
export type { ExportSource } from './model.ts';
export { exportOnnx, exportSafetensors, exportTfjs };

export interface ExportFormat {
  readonly id: 'tfjs' | 'onnx' | 'safetensors';
  readonly title: string;
  /** What it is for, in one sentence. */
  readonly summary: string;
  /** `name` is what the files are called (see `fileName`); without, as the network. */
  readonly write: (source: ExportSource, name?: string) => Exported;
}

/** The formats in which a run's compact network can be taken away. */
export const EXPORT_FORMATS: readonly ExportFormat[] = [
  {
    id: 'onnx',
    title: 'ONNX',
    summary: 'One file for ONNX Runtime and most other inference engines.',
    write: exportOnnx,
  },
  {
    id: 'tfjs',
    title: 'TF.js layers model',
    summary: 'Two files that TensorFlow.js loads, to run or to train on.',
    write: exportTfjs,
  },
  {
    id: 'safetensors',
    title: 'safetensors',
    summary: 'The weights alone, for a program of your own; the network is described in the metadata.',
    write: exportSafetensors,
  },
];
