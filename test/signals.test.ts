import { afterEach, beforeEach, expect, test } from 'vitest';
import { handleStopSignals } from '../src/signals.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;
let clock: number;
let seen: string[];
let stopHandling: () => void;

beforeEach(() => {
  clock = 5_000;
  seen = [];
  stopHandling = handleStopSignals(
    signals,
    { first: (name) => seen.push(`first ${name}`), again: (name) => seen.push(`again ${name}`) },
    () => clock,
  );
});
afterEach(() => stopHandling());

test('signals within a second of the first are the same request, whatever their names', () => {
  process.emit('SIGINT', 'SIGINT');
  clock += 30;
  process.emit('SIGINT', 'SIGINT');
  clock += 969;
  process.emit('SIGTERM', 'SIGTERM');
  expect(seen).toEqual(['first SIGINT']);
});

test('a signal a second after the first is a second request', () => {
  process.emit('SIGTERM', 'SIGTERM');
  clock += 1_000;
  process.emit('SIGINT', 'SIGINT');
  expect(seen).toEqual(['first SIGTERM', 'again SIGINT']);
});

test('leaves no handler behind', () => {
  const before = process.listenerCount('SIGINT');
  stopHandling();
  expect(process.listenerCount('SIGINT')).toBe(before - 1);
});
