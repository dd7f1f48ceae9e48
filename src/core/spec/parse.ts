/** One thing wrong with a spec. */
export interface SpecProblem {
  /** Path of the key, such as `train.batchSize`. */
  readonly path: string;
  /** A sentence that names the key, what was found and what is accepted. */
  readonly message: string;
}
