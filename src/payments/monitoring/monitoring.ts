import type pg from 'pg';
import type { Database } from '../../../db/client.ts';
import { type Anomaly, type AnomalyRule, anomalyRules, type BookingsProgress } from '../../contract/bookings.ts';
import type { Page } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import { findPlace } from '../link/control.ts';
import { describeBookings } from '../link/store.sql.ts';
import { paymentSchemas } from '../payments.sql.ts';
import { findAnomalies } from './anomalies.sql.ts';
import { readProgress, type UnlinkedTable } from './progress.sql.ts';

export interface AnomalyQuery {
  readonly targetSchema?: string | undefined;
  readonly rule?: AnomalyRule | undefined;
  /** `rule key` of the last one of the page before. */
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** What /metrics shows of the schemas of bookings. */
export interface BookingsFigures {
  readonly progress: readonly BookingsProgress[];
  /** Of failed webhooks the schema is empty: they are of no one schema. */
  readonly anomalies: readonly { readonly schema: string; readonly rule: AnomalyRule; readonly count: number }[];
}

/** Progress and anomalies after a migration of bookings. Every method throws DroverError. */
export interface BookingsMonitoring {
  /** Default: the schema of the newest migration of bookings. */
  progress(request: { targetSchema?: string | undefined; estimate: boolean }): Promise<BookingsProgress>;
  anomalies(query: AnomalyQuery): Promise<Page<Anomaly>>;
  /** Of all schemas; reads whole tables, so it is for a cache. */
  figures(): Promise<BookingsFigures>;
}

/** The form of a cursor of `anomalies`. */
export const anomalyCursor = new RegExp(`^(${anomalyRules.join('|')}) [^\\0]{0,500}$`);

export function createBookingsMonitoring(
  database: Database,
  target: pg.Pool,
  schemaOf: (targetSchema: string | undefined) => Promise<string>,
): BookingsMonitoring {
  const place = (schema: string) => ({ control: database.$client, target, schema });
  const tableOf = async (schema: string): Promise<UnlinkedTable | undefined> => {
    try {
      return (await describeBookings(target, (await findPlace(database, schema)).names)).table;
    } catch (thrown) {
      // The bookings are in another database.
      if (thrown instanceof DroverError && thrown.code === 'CONFIGURATION') return undefined;
      throw thrown;
    }
  };
  return {
    async progress({ targetSchema, estimate }) {
      const schema = await schemaOf(targetSchema);
      return readProgress(target, schema, await tableOf(schema), estimate);
    },
    async anomalies({ targetSchema, rule: only, cursor, limit }) {
      const schema = await schemaOf(targetSchema);
      const [from, ...key] = cursor?.split(' ') ?? [];
      const first = from === undefined ? 0 : anomalyRules.indexOf(from as AnomalyRule);
      const found: { cursor: string; anomaly: Anomaly }[] = [];
      for (const rule of anomalyRules.slice(first)) {
        if (only !== undefined && rule !== only) continue;
        const after = rule === from ? key.join(' ') : undefined;
        const some = await findAnomalies(place(schema), rule, after, limit + 1 - found.length);
        found.push(...some.map((one) => ({ cursor: `${rule} ${one.key}`, anomaly: one.anomaly })));
        if (found.length > limit) break;
      }
      const items = found.slice(0, limit);
      return {
        items: items.map(({ anomaly }) => anomaly),
        nextCursor: found.length > limit ? (items.at(-1)?.cursor ?? null) : null,
      };
    },
    async figures() {
      const progress: BookingsProgress[] = [];
      const anomalies: { schema: string; rule: AnomalyRule; count: number }[] = [];
      for (const schema of await paymentSchemas(database, target)) {
        progress.push(await readProgress(target, schema, await tableOf(schema)));
        for (const rule of anomalyRules) {
          const isShared = rule === 'webhook_failed';
          if (isShared && anomalies.some((one) => one.rule === rule)) continue;
          const { length } = await findAnomalies(place(schema), rule, undefined, maxCounted);
          anomalies.push({ schema: isShared ? '' : schema, rule, count: length });
        }
      }
      return { progress, anomalies };
    },
  };
}

// An alert needs no more.
const maxCounted = 10_000;
