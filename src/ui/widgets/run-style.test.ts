import { expect, test } from 'vitest';
import { MOST_RUNS } from '../../core/spec/race.ts';
import { runStyle } from './run-style.ts';

test('six runs differ in their colours, and in their dashes too', () => {
  const styles = Array.from({ length: MOST_RUNS }, (_, colour) => runStyle(colour));
  expect(new Set(styles.map(({ colour }) => colour)).size).toBe(MOST_RUNS);
  expect(new Set(styles.map(({ dash }) => dash)).size).toBe(MOST_RUNS);
  expect(styles[0]).toEqual({ colour: 'var(--series-1)', dash: undefined });
});
