import type { Json } from '../../../plan/json.ts';
import { toStorable } from './text.ts';

const maxDepth = 100;

/** The value as PostgreSQL's jsonb takes it; undefined when it is no JSON (endless, nested too deep, not a number). */
export function storableJson(value: unknown, depth = 0): Json | undefined {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return toStorable(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : undefined; // + 0 makes 0 of -0
  if (typeof value !== 'object' || depth > maxDepth) return undefined;
  return Array.isArray(value) ? storableList(value, depth) : storableObject(value, depth);
}

function storableList(list: readonly unknown[], depth: number): Json | undefined {
  const items: Json[] = [];
  for (const item of list) {
    const storable = storableJson(item, depth + 1);
    if (storable === undefined) return undefined;
    items.push(storable);
  }
  return items;
}

function storableObject(object: object, depth: number): Json | undefined {
  const entries: [string, Json][] = [];
  for (const [key, item] of Object.entries(object)) {
    const storable = storableJson(item, depth + 1);
    if (storable === undefined) return undefined;
    entries.push([toStorable(key), storable]);
  }
  return Object.fromEntries(entries);
}
