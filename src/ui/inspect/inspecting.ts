import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import type { RawPixels } from '../../core/questions/questions.ts';
import type { OwnImage } from '../../state/own-image.ts';

export type InspectTab = 'filters' | 'activations' | 'confusion' | 'changes' | 'image';

/** A test image: its index among the run's test images, and what it shows. */
export interface TestImage {
  readonly index: number;
  readonly label: number;
  readonly pixels: RawPixels;
}

/** A file of the user's, and the square of it that networks see. */
export interface OwnFile {
  /** Another one for each file that is taken. */
  readonly id: number;
  readonly file: Blob;
  readonly name: string;
  readonly image: OwnImage;
}

interface Inspecting {
  readonly tab: InspectTab;
  readonly test: TestImage | null;
  readonly own: OwnFile | null;
  /** Which of the two images the networks are shown. */
  readonly source: 'test' | 'own';
}

/** What the dialog was left with: it opens there again. */
export const inspecting = createStore<Inspecting>(() => ({ tab: 'filters', test: null, own: null, source: 'test' }));

export const useInspecting = <Value>(select: (state: Inspecting) => Value): Value => useStore(inspecting, select);

/** What the networks are shown; null before an image is chosen. */
export const pixelsShown = ({ source, own, test }: Inspecting): RawPixels | null =>
  source === 'own' && own ? own.image.pixels : (test?.pixels ?? null);
