/**
 * What a scheme adds to the update of one tensor. Arrays are full-size, in the tensor's shape. The order is: gradient
 * times `gradientMask`, plus weight decay, plus the penalty's gradient; momentum and update; `proximal`; `mask`; at last
 * the quantiser.
 */
export interface UpdateRule {
  /** 0 where a weight is pruned: its momentum and value are zero from now on. 1 elsewhere. */
  readonly mask?: Float32Array;
  /** Multiplies the gradient of the loss alone (ResRep's m, frozen weights). */
  readonly gradientMask?: Float32Array;
  readonly penalty?: Penalty;
  /** Soft threshold after the update: w becomes sign(w) max(|w| - learning rate x this, 0). */
  readonly proximal?: number;
  /**
   * The network computes with step x clamp(round(w / step), -levels, levels) (halves away from zero) while the update
   * goes to the full-precision w, which `read` and checkpoints show.
   */
  readonly quantiser?: { readonly step: number; readonly levels: number };
  /** Multiplies the learning rate of this tensor. */
  readonly learningRateScale?: number;
  /** Replace what all tensors share. */
  readonly momentum?: number;
  readonly weightDecay?: number;
}

export type Penalty =
  /** strength x sum |w|: gradient strength x sign(w), 0 at 0 (network slimming). */
  | { readonly kind: 'l1'; readonly strength: number }
  /**
   * strength x sum over output channels (last axis; of a depthwise kernel the one before it) of |w of that channel|_2;
   * gradient 0 where the norm is 0 (ResRep).
   */
  | { readonly kind: 'groupLasso'; readonly strength: number }
  /** A gradient of the scheme's own making, the same every step until it is replaced. */
  | { readonly kind: 'gradient'; readonly values: Float32Array };
