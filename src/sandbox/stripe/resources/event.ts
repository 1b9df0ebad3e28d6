import { flag, listOf, stringParam } from '../params/readers.ts';
import { byTime } from './filters.ts';
import type { Resource } from './resource.ts';

/** `*` at the end stands for anything: `product.*`. */
function matchesType(type: unknown, pattern: string): boolean {
  return pattern.endsWith('*') ? String(type).startsWith(pattern.slice(0, -1)) : type === pattern;
}

export const event: Resource = {
  object: 'event',
  collection: 'events',
  title: 'event',
  filters: {
    created: byTime('created'),
    type: { reader: stringParam, matches: ({ type }, wanted) => matchesType(type, String(wanted)) },
    types: {
      reader: listOf(stringParam, 20),
      matches: ({ type }, wanted) => (wanted as string[]).some((each) => matchesType(type, each)),
    },
    delivery_success: { reader: flag, matches: ({ pending_webhooks: n }, wanted) => (n === 0) === wanted },
  },
  blank: (world) => ({ created: world.now(), livemode: world.livemode }),
};
