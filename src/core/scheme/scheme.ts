import type { DensityReport } from '../density/report.ts';
import type { ChannelGroup, Network, Structure, Tensors } from '../network/index.ts';
import type { SearchRound } from '../search/index.ts';
import type { StageReport } from '../sparsity/report.ts';
import type { OptionField, OptionSetting, OptionValue } from '../spec/options.ts';
import type { Budget, BudgetKind } from '../spec/spec.ts';
import type { UpdateRule } from './rules.ts';

/** A pruning method as a plug-in: says what to keep and why; never touches the engine (DESIGN section 6). */
export interface Scheme {
  readonly id: string;
  readonly title: string;
  /** Citation of the method; empty for baselines that need none. */
  readonly paper: string;
  readonly summary: string;
  /** Budget kinds it can meet; empty when it takes no budget. */
  readonly budgets: readonly BudgetKind[];
  /** Whether a list of budgets is accepted too, one of each kind at most: then all of them hold. */
  readonly severalBudgets?: boolean;
  readonly options: readonly OptionField[];
  /** Options that contradict each other or the run: one sentence starting with the key's path, or null when fine. */
  check?(setting: OptionSetting): string | null;
  /**
   * The network to run where it is not the model that the spec names (PreConfig widens layers): the same layers with
   * other widths, from the spec alone. Throws a sentence naming the key when there is none. Ask `networkFor`.
   */
  network?(setting: OptionSetting): Network;
  start(context: SchemeContext): SchemeRun;
}

export interface SchemeContext {
  readonly network: Network;
  /** What the spec names, where the scheme runs another network; budgets are shares of this one. */
  readonly model?: Network;
  readonly groups: readonly ChannelGroup[];
  readonly budget: Budget | readonly Budget[] | undefined;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly seed: number;
  readonly steps: number;
  readonly warmupSteps: number;
  /** Full-size tensors of the running network; pruned entries are their most recently used values. */
  read(names: readonly string[]): Promise<Tensors>;
  /** Loss and accuracy on the held-out slice of the training set (never the test set). */
  evaluate(limit?: number): Promise<{ readonly loss: number; readonly accuracy: number }>;
  /** Gradient of the mean cross-entropy on the batch of a step, without an update; full-size. */
  gradients(request: { readonly inputs: { readonly step: number } }): Promise<{ readonly tensors: Tensors }>;
  /** For `decide`: tries other structures and weights out. */
  readonly explore: Exploration;
}

/** Tries candidates out in the middle of a decision; the run itself is left as it is. */
export interface Exploration {
  /** Images of the held-out slice. */
  readonly images: number;
  /**
   * Accuracy of each candidate on the first `images` images of the held-out slice, without training, by running
   * statistics; the same candidate scores the same. One candidate a turn, so that other runs go on meanwhile. Rejects
   * when the run is paused or closed: the decision is then due again, and `decide` must have changed nothing.
   */
  accuracies(candidates: readonly Candidate[], images: number): Promise<readonly number[]>;
  /** Tells how far the decision is. */
  progress(progress: SchemeProgress): void;
}

/** The running network with something else in its place. */
export interface Candidate {
  readonly structure: Structure;
  /** Full-size tensors that replace the running ones in this candidate alone. */
  readonly write?: Tensors;
}

export interface SchemeRun {
  /** Convolutions whose channels it may cut; when absent, all that can be cut (none for a scheme without a budget). */
  readonly prunable?: readonly string[];
  /** Changes the initial full-size parameters (CHEX starts BN scales at 0.5). Keys not returned stay. */
  initialise?(parameters: Tensors): Tensors;
  /** The structure to start from, given the initial parameters; dense when absent. Recorded at step 0. */
  atInit?(parameters: Tensors, preparation: Preparation): Promise<Decision>;
  /** Whether to decide after `step` updates have been made (1 to steps). */
  dueAt(step: number): boolean;
  /** `structure` is the running one. Called only when due. One that rejects has changed nothing, and may be called again. */
  decide(step: number, structure: Structure): Promise<Decision>;
  /**
   * Update rules in force, by full-size tensor; none when absent. Asked after the start, after a restore and after every
   * decision; what is returned replaces all earlier ones.
   */
  rules?(): ReadonlyMap<string, UpdateRule>;
  /** Plain JSON that `restore` takes back; goes into the checkpoint. */
  state(): unknown;
  restore(state: unknown): void;
}

/** What a scheme may compute before the first step: gradients of the dense network (SNIP, SynFlow ...). */
export interface Preparation {
  /** With these full-size parameters; trains nothing. Rejects when the run is closed meanwhile. */
  gradients(
    parameters: Tensors,
    request: PreparationRequest,
  ): Promise<{ readonly loss: number; readonly tensors: Tensors; readonly log2Scale: number }>;
  /** Tells how far it is: `what` names what is counted, as in "SynFlow passes". */
  progress(done: number, of: number, what: string): void;
}

/** How far a scheme is with what it computes between two steps: `done` of `of`; `what` names what is counted. */
export interface SchemeProgress {
  readonly what: string;
  readonly done: number;
  readonly of: number;
  /** Of a search: its rounds so far. */
  readonly rounds?: readonly SearchRound[];
}

/** As the engine's gradient request, but for its inputs. */
export interface PreparationRequest {
  /** One image of ones, or this many training images of each class, without augmentation: the first of the data set. */
  readonly inputs: 'ones' | { readonly perClass: number };
  readonly loss?: 'crossEntropy' | 'sumOfLogits';
  readonly parameters?: 'asIs' | 'absolute';
  readonly batchNorm?: 'batch' | 'running';
  readonly logitDivisor?: number;
  readonly rescale?: boolean;
  /** ReLU6 counts as ReLU. */
  readonly unbounded?: boolean;
}

export interface Decision {
  readonly structure: Structure;
  /** Full-size tensors to overwrite after the structure has changed (regrown channels with other than MRU values). */
  readonly write?: Tensors;
  /** One entry for each channel that was weighed, changed or not. */
  readonly reasons: readonly ChannelReason[];
  /** Of a start that follows from layer-wise densities: these. */
  readonly densities?: DensityReport;
  /** Of a stage of structured sparsity: what it did. The lab adds accuracies and times of before and after it. */
  readonly stage?: StageReport;
  /** Training batches over which running statistics are computed anew once all this holds; none when absent. */
  readonly recalibrate?: number;
}

export type ChannelFate = 'kept' | 'pruned' | 'regrown' | 'off';

/** Why a channel was kept, pruned, regrown or left off. */
export interface ChannelReason {
  /** The convolution whose output channel this is. */
  readonly layer: string;
  readonly channel: number;
  readonly fate: ChannelFate;
  /** The scheme's score (higher = keep) and its rank in the layer (1 = best of `of`). */
  readonly score?: number;
  readonly rank?: number;
  readonly of?: number;
  /** Its rank among the active channels of all layers (1 = best of `globalOf`), where these are ranked together. */
  readonly globalRank?: number;
  readonly globalOf?: number;
  /** Score of the last channel that stayed, in the ranking that decided: its layer's, or that of all layers together. */
  readonly threshold?: number;
  /** The other convolutions of its channel group: their channel of the same index shares its fate. */
  readonly tied?: readonly string[];
  /** Probability with which it could be drawn for regrowing. */
  readonly probability?: number;
  /** One sentence in the field's words, with the numbers in it. */
  readonly text: string;
}
