import type pg from 'pg';
import type { EventState } from '../../src/payments/inbox/ports.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { prepared, type Row } from '../sql.ts';

/** An event as support looks at it. */
export interface InboxRow extends Row {
  readonly seq: string;
  readonly provider: string;
  readonly id: string;
  readonly type: string;
  readonly objectId: string | null;
  readonly livemode: boolean;
  readonly state: EventState;
  readonly attempts: number;
  readonly code: string | null;
  readonly message: string | null;
  readonly effect: string | null;
  readonly happenedAt: Date;
  readonly receivedAt: Date;
  readonly dueAt: Date | null;
  readonly settledAt: Date | null;
  readonly payload: JsonObject | null;
}

export interface InboxFilter {
  readonly state?: EventState | undefined;
  readonly type?: string | undefined;
  readonly objectId?: string | undefined;
  /** Only those that arrived before this one. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** The inbox for those who look at it. Throws DroverError. */
export interface InboxReader {
  /** The newest first. */
  list(filter: InboxFilter): Promise<readonly InboxRow[]>;
}

const listStatement = `
SELECT seq::text AS seq, provider, event_id AS id, type, object_id AS "objectId", livemode, state, attempts, code, message,
  effect, happened_at AS "happenedAt", received_at AS "receivedAt", due_at AS "dueAt", settled_at AS "settledAt", payload
FROM drover.inbox
WHERE ($1::bigint IS NULL OR seq < $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR type = $3)
  AND ($4::text IS NULL OR object_id = $4)
ORDER BY seq DESC LIMIT $5`;

export function createInboxReader(pool: pg.Pool): InboxReader {
  return {
    list: ({ before, state, type, objectId, limit }) =>
      prepared<InboxRow>(pool, undefined, listStatement, [
        before ?? null,
        state ?? null,
        type ?? null,
        objectId ?? null,
        limit,
      ]),
  };
}
