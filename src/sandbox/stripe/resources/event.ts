import { flag, listOf, plain } from '../params/readers.ts';
import { byTime } from './filters.ts';
import type { Resource } from './resource.ts';

/** `*` at the end stands for anything: `product.*`. */
function isOf(type: unknown, pattern: string): boolean {
  return pattern.endsWith('*') ? String(type).startsWith(pattern.slice(0, -1)) : type === pattern;
}

export const event: Resource = {
  object: 'event',
  collection: 'events',
  title: 'event',
  filters: {
    created: byTime('created'),
    type: { reader: plain, keeps: ({ type }, wanted) => isOf(type, String(wanted)) },
    types: {
      reader: listOf(plain, 20),
      keeps: ({ type }, wanted) => (wanted as string[]).some((each) => isOf(type, each)),
    },
    delivery_success: { reader: flag, keeps: ({ pending_webhooks: n }, wanted) => (n === 0) === wanted },
  },
  blank: (world) => ({ created: world.now(), livemode: world.livemode }),
};
