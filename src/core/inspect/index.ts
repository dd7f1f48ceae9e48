export {
  type Change,
  type ChangeCounts,
  type ChangeKind,
  type ChangeOrder,
  CHANGE_KINDS,
  changesBetween,
  countChanges,
  countChangesByClass,
  sortedChanges,
} from './changes.ts';
export {
  type ClassScore,
  type Confusion,
  type ConfusionDifference,
  classScores,
  confusionDifference,
  confusionOf,
  countAt,
  shareAt,
} from './confusion.ts';
export { mcNemarExact } from './mcnemar.ts';
export { type Predictions, accuracyOf, predictionsOf, probabilityOf } from './predictions.ts';
