import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** Columns of equal length: `columns[j]` is vector j (a channel's weights, flattened). */
export type Columns = readonly ArrayLike<number>[];

/** Relative size below which an eigenvalue counts as zero (chex.md section 8: the official cut-off is too small). */
const CUT_OFF = 1e-6;

/** Gram matrix G_ij = w_i . w_j in float64, [n, n]. Throws a sentence when an entry is not finite. */
function gramMatrix(columns: Columns): Matrix {
  const gram = Matrix.zeros(columns.length, columns.length);
  for (const [i, a] of columns.entries()) {
    for (const [j, b] of columns.slice(0, i + 1).entries()) {
      const product = dot(a, b);
      if (!Number.isFinite(product)) {
        throw new Error(
          'A weight is infinite or not a number: the run has diverged; use a smaller train.learningRate.',
        );
      }
      gram.set(i, j, product);
      gram.set(j, i, product);
    }
  }
  return gram;
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] ?? 0) * (b[k] ?? 0);
  return sum;
}

interface Spectrum {
  /** Descending. */
  readonly values: readonly number[];
  /** `vectors[r][j]`: entry j of the r-th eigenvector. */
  readonly vectors: readonly (readonly number[])[];
  /** Eigenvalues above the cut-off. */
  readonly rank: number;
}

function spectrumOf(symmetric: Matrix): Spectrum {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(symmetric, { assumeSymmetric: true });
  const pairs = realEigenvalues.map((value, index) => ({ value: Math.max(0, value), index }));
  pairs.sort((a, b) => b.value - a.value);
  const largest = pairs[0]?.value ?? 0;
  return {
    values: pairs.map(({ value }) => value),
    vectors: pairs.map(({ index }) => eigenvectorMatrix.getColumn(index)),
    rank: pairs.filter(({ value }) => value > CUT_OFF * largest).length,
  };
}

/**
 * Leverage scores of the columns for keeping `count` of them: psi_j = sum over the `count` leading right singular
 * vectors of V_jr squared (CHEX, column subset selection; chex.md 3.4). They lie in 0 to 1 and sum to `count`, or to
 * the rank where that is smaller.
 */
export function leverageScores(columns: Columns, count: number): number[] {
  if (columns.length === 0) return [];
  const { vectors, rank } = spectrumOf(gramMatrix(columns));
  const leading = vectors.slice(0, Math.min(count, rank));
  return columns.map((_, j) => leading.reduce((sum, vector) => sum + (vector[j] ?? 0) ** 2, 0));
}

/**
 * Squared distance of every column from the span of the `kept` ones: eps_j = G_jj - g_j' pinv(G_TT) g_j (CHEX, Eq. 2).
 * Never negative; exactly 0 where rounding is all that is left.
 */
export function residuals(columns: Columns, kept: readonly number[]): number[] {
  const gram = gramMatrix(columns);
  if (kept.length === 0) return columns.map((_, j) => gram.get(j, j));
  const { values, vectors, rank } = spectrumOf(gram.selection([...kept], [...kept]));
  return columns.map((_, j) => {
    const norm = gram.get(j, j);
    const products = kept.map((t) => gram.get(t, j));
    let explained = 0;
    for (let r = 0; r < rank; r++) explained += dot(vectors[r] ?? [], products) ** 2 / (values[r] ?? 1);
    const residual = norm - explained;
    return residual > CUT_OFF * norm ? residual : 0;
  });
}
