import type { Answer, Asking, Question, RawPixels } from '../core/questions/questions.ts';

const IMAGE_BYTES = 3_072;
/** Images in one question. */
const AT_ONCE = 60;

export type AskImages = (
  run: number,
  question: Question<'testImages'>,
  asking: Asking,
) => Promise<Answer<'testImages'>>;

/** Test images by their index, which is the same in every run: each is asked for once. */
export class PictureStore {
  readonly #ask: AskImages;
  readonly #pictures = new Map<number, RawPixels>();
  readonly #asked = new Set<number>();
  readonly #listeners = new Set<() => void>();
  #problem: string | null = null;

  constructor(ask: AskImages) {
    this.#ask = ask;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** 3,072 bytes: 32x32 rows of RGB; undefined before they have come. */
  readonly pixelsOf = (index: number): RawPixels | undefined => this.#pictures.get(index);

  /** Why the last question had no answer. */
  readonly problem = (): string | null => this.#problem;

  /** Asks a run for those of the images that are neither there nor asked for. */
  async want(run: number, indices: readonly number[]): Promise<void> {
    const missing = indices.filter((index) => !this.#pictures.has(index) && !this.#asked.has(index));
    for (const index of missing) this.#asked.add(index);
    for (let first = 0; first < missing.length; first += AT_ONCE) {
      await this.#fetch(run, missing.slice(first, first + AT_ONCE));
    }
  }

  async #fetch(run: number, indices: readonly number[]): Promise<void> {
    try {
      const { pixels } = await this.#ask(run, { kind: 'testImages', indices }, {});
      indices.forEach((index, place) =>
        this.#pictures.set(index, pixels.slice(place * IMAGE_BYTES, (place + 1) * IMAGE_BYTES)),
      );
      this.#problem = null;
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    // What failed may be asked for again.
    for (const index of indices) this.#asked.delete(index);
    for (const listener of this.#listeners) listener();
  }
}
