import { expect, test } from 'vitest';
import { COMMANDS, LOCAL_KEYS } from './commands.ts';

test('every command has a key of its own, a label and a line on the sheet', () => {
  const keys = COMMANDS.map(({ key, mod = false }) => `${mod ? 'mod ' : ''}${key}`);
  expect(new Set(keys).size).toBe(COMMANDS.length);
  expect(new Set(COMMANDS.map(({ id }) => id)).size).toBe(COMMANDS.length);
  for (const { key, label, shown, help } of COMMANDS) {
    // As performKey compares them.
    expect(key).toBe(key.toLowerCase());
    for (const text of [label, shown, help]) expect(text.trim()).not.toBe('');
  }
});

test('a part of the page names each of its keys once', () => {
  const named = LOCAL_KEYS.map(({ where, shown }) => `${where} ${shown}`);
  expect(new Set(named).size).toBe(LOCAL_KEYS.length);
});
