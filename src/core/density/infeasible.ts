/** A budget that the layers which stay and the smallest widths alone exceed. */
export class InfeasibleBudgetError extends Error {
  readonly kind: 'parameters' | 'macs';
  readonly keep: number;
  /** The smallest share that can be met, rounded up to four digits. */
  readonly smallestKeep: number;

  constructor(kind: 'parameters' | 'macs', keep: number, smallest: number) {
    const smallestKeep = Math.ceil(smallest * 1e4) / 1e4;
    const unit = kind === 'macs' ? 'MACs' : 'parameters';
    super(
      `${keep} of the ${unit} cannot be met, because what stays whole and the smallest widths need more; the smallest ` +
        `possible share is ${smallestKeep}`,
    );
    this.name = 'InfeasibleBudgetError';
    this.kind = kind;
    this.keep = keep;
    this.smallestKeep = smallestKeep;
  }
}
