import type { StripeObject } from '../store/object.ts';
import type { Context } from './resource.ts';

/**
 * The object with the changes that change something, and the event that says what it was before. `stamps` go with any
 * change.
 */
export function applyChanges(
  target: StripeObject,
  changes: Readonly<Record<string, unknown>>,
  context: Context,
  stamps: Readonly<Record<string, unknown>> = {},
): StripeObject {
  const before: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(changes)) {
    if (value === undefined || JSON.stringify(value) === JSON.stringify(target[field])) continue;
    before[field] = target[field];
  }
  if (Object.keys(before).length === 0) return target;
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const after = context.world.put({ ...target, ...given, ...stamps });
  const previous = { ...before, ...Object.fromEntries(Object.keys(stamps).map((field) => [field, target[field]])) };
  context.emit(`${target.object}.updated`, after, previous);
  return after;
}
