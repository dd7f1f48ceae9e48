/** What a run's networks cost, measured; every run has them. */
export const MEASURED_CARDS = ['measured', 'pareto'] as const;
export type MeasuredCardName = (typeof MEASURED_CARDS)[number];

export const isMeasuredCard = (name: string): name is MeasuredCardName => MEASURED_CARDS.some((card) => card === name);
