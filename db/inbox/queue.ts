import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { HeldEvent, InboxQueue, Observation, Settlement } from '../../src/payments/inbox/ports.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { prepared, type Row } from '../sql.ts';
import { settleStatement, takeStatement } from './statements.ts';

interface TakenRow extends Row {
  readonly provider: HeldEvent['provider'];
  readonly event_id: string;
  readonly type: string;
  readonly object_id: string | null;
  readonly account: string | null;
  readonly livemode: boolean;
  readonly happened_at: Date;
  readonly payload: JsonObject | null;
  readonly attempts: number;
  readonly look: string;
}

/** The inbox for those who work it off. Throws DroverError. */
export function createInboxQueue(pool: pg.Pool): InboxQueue {
  return {
    async take(most, leaseMs) {
      const token = randomUUID();
      const rows = await prepared<TakenRow>(pool, 'inbox_take', takeStatement, [token, leaseMs, most]);
      const look = rows.reduce((newest, row) => (BigInt(row.look) > newest ? BigInt(row.look) : newest), 0n);
      return { token, look: String(look), events: rows.map(eventOf) };
    },
    async settle({ token, look }, settlements) {
      const told = JSON.stringify(settlements.map(lineOf));
      const seen = JSON.stringify([...distinct(settlements).values()]);
      const rows = await prepared<{ n: number }>(pool, 'inbox_settle', settleStatement, [told, token, seen, look]);
      return rows[0]?.n ?? 0;
    },
  };
}

function eventOf(row: TakenRow): HeldEvent {
  return {
    provider: row.provider,
    id: row.event_id,
    type: row.type,
    objectId: row.object_id,
    account: row.account,
    livemode: row.livemode,
    happenedAt: row.happened_at,
    payload: row.payload ?? {},
    attempts: row.attempts,
  };
}

function lineOf({ event, state, code, message, effect, delayMs, observation }: Settlement) {
  const object = observation && keyOf(event.provider, observation);
  return { provider: event.provider, id: event.id, state, code, message, effect, delay_ms: delayMs, object };
}

/** What was seen, once an object, however many events told of it. */
function distinct(settlements: readonly Settlement[]): Map<string, object> {
  const seen = new Map<string, object>();
  for (const { event, observation } of settlements) {
    if (observation === undefined) continue;
    const { kind, objectId, row, state, differs } = observation;
    const { plan, entity, targetSchema, sourceId, targetId } = row;
    const object = keyOf(event.provider, observation);
    seen.set(object, {
      ...{ object, provider: event.provider, kind, object_id: objectId, state, differs },
      ...{ plan, entity, target_schema: targetSchema, source_id: sourceId, target_id: targetId },
    });
  }
  return seen;
}

const keyOf = (provider: string, { kind, objectId }: Observation): string => `${provider} ${kind} ${objectId}`;
