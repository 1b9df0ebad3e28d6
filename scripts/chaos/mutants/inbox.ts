import { randomUUID } from 'node:crypto';
import type { InboxDoor } from '../../../src/payments/inbox/ports.ts';

/** The inbox without its key: every delivery of an event is taken for a new one. */
export function withoutInboxKey<T extends InboxDoor>(inbox: T): T {
  return { ...inbox, store: (event, handled) => inbox.store({ ...event, id: `${event.id}-${randomUUID()}` }, handled) };
}
