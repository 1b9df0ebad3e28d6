import type { Scope } from '../../plan/contract.ts';
import type { BubbleSettings } from './settings.ts';

/** A condition of Bubble's search; several are joined by AND. */
export interface Constraint {
  readonly key: string;
  readonly constraint_type: 'greater than' | 'less than' | 'in';
  readonly value: string | readonly string[];
}

/**
 * The scope's window as constraints on the time of change. Bubble has no `>=`, clocks differ, and a change can become
 * visible after a later one, so the window begins a minute early; what is read twice changes nothing.
 */
export function windowConstraints(
  { since, until }: Scope,
  { modifiedKey: key, overlapMs }: Pick<BubbleSettings, 'modifiedKey' | 'overlapMs'>,
): Constraint[] {
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs).toISOString();
  return [
    ...(from === undefined ? [] : [{ key, constraint_type: 'greater than' as const, value: from }]),
    ...(until === undefined ? [] : [{ key, constraint_type: 'less than' as const, value: until }]),
  ];
}
