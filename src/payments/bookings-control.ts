import type pg from 'pg';
import type { Database } from '../../db/client.ts';
import { createAuditLog } from '../../db/stores/audit.ts';
import type { BookingsBackup, BookingsCleanup, StatisticsCheck } from '../contract/bookings.ts';
import type { Actor } from '../contract/runs.ts';
import { DroverError } from '../errors.ts';
import type { JsonObject } from '../plan/json.ts';
import { findDuplicateUsers, findIndexes, makeBackup, makeIndexes, planBackup } from './backup.sql.ts';
import { createLinkControl, findPlace, type LinkControl } from './link/control.ts';
import { describeBookings, findLink } from './link/store.sql.ts';
import { type BookingsMonitoring, createBookingsMonitoring } from './monitoring/monitoring.ts';
import { paymentSchemas } from './payments.sql.ts';
import { checkStatistics, repairStatistics } from './statistics.sql.ts';

/** The operators' side of what goes on after a migration of bookings. Every method throws DroverError. */
export interface BookingsControl {
  readonly link: LinkControl;
  readonly monitoring: BookingsMonitoring;
  /** Recomputes the statistics of a schema (default: that of the newest migration). */
  checkStatistics(targetSchema?: string): Promise<StatisticsCheck>;
  /** The same, and corrects what differs. Answers what was corrected. */
  repairStatistics(
    request: { targetSchema?: string | undefined; reason: string },
    actor: Actor,
  ): Promise<StatisticsCheck>;
  /** Copies bookings and users; throws NOT_ALLOWED_NOW when a copy is there already. */
  backup(request: ChangeRequest, actor: Actor): Promise<BookingsBackup>;
  /** Makes missing indexes beside writers, and lists users with one address. */
  cleanup(request: ChangeRequest, actor: Actor): Promise<BookingsCleanup>;
}

export interface ChangeRequest {
  readonly targetSchema?: string | undefined;
  readonly dryRun: boolean;
  readonly reason: string;
}

export function createBookingsControl(database: Database, target: pg.Pool): BookingsControl {
  const audit = createAuditLog(database);
  const schemaOf = async (targetSchema: string | undefined): Promise<string> => {
    const schemas = await paymentSchemas(database, target);
    const schema = targetSchema === undefined ? schemas[0] : schemas.find((one) => one === targetSchema);
    if (schema !== undefined) return schema;
    throw new DroverError('NOT_FOUND', `no migration of bookings has filled ${targetSchema ?? 'a schema'}`, {
      remedy: 'Make users and payments first: `drover run bookings --target-schema SCHEMA`.',
    });
  };
  const record = (actor: Actor, action: string, schema: string, reason: string, details: JsonObject) =>
    audit.append({ actor: actor.id, role: actor.role, action, subject: `schema:${schema}`, reason, details });
  return {
    link: createLinkControl({ database, target }),
    monitoring: createBookingsMonitoring(database, target, schemaOf),
    checkStatistics: async (targetSchema) => checkStatistics(target, await schemaOf(targetSchema)),
    async repairStatistics({ targetSchema, reason }, actor) {
      const schema = await schemaOf(targetSchema);
      const check = await repairStatistics(target, schema);
      await audit.append({
        ...{ actor: actor.id, role: actor.role, action: 'statistics.repair', subject: `schema:${schema}`, reason },
        details: { corrected: check.differences.length },
      });
      return check;
    },
    async backup({ targetSchema, dryRun, reason }, actor) {
      const schema = await schemaOf(targetSchema);
      const { table } = await describeBookings(target, (await findPlace(database, schema)).names);
      const names = [table, { schema, name: 'users' }];
      const tables = await Promise.all(names.map((name) => planBackup(target, name)));
      if (dryRun) return { dryRun, tables };
      const present = tables.filter(({ exists }) => exists).map(({ backup }) => backup);
      if (present.length > 0) {
        throw new DroverError('NOT_ALLOWED_NOW', `there is a table ${present.join(' and ')} already`, {
          remedy: 'Rename or drop it when it is not needed any more, then make the backup.',
        });
      }
      await record(actor, 'bookings.backup', schema, reason, { tables: tables.map(({ backup }) => backup) });
      const rows: number[] = [];
      for (const name of names) rows.push(await makeBackup(target, name));
      return { dryRun, tables: tables.map((one, at) => ({ ...one, rows: rows[at] ?? 0 })) };
    },
    async cleanup({ targetSchema, dryRun, reason }, actor) {
      const schema = await schemaOf(targetSchema);
      const link = await findLink(target, schema);
      // While a link is not at its end its index is its own work.
      const bookings = link?.state === 'done' ? link.bookings : undefined;
      const indexes = await findIndexes(target, schema, bookings);
      const duplicates = await findDuplicateUsers(target, schema);
      if (dryRun) return { dryRun, indexes, duplicates };
      await record(actor, 'bookings.cleanup', schema, reason, {
        statements: indexes.flatMap(({ statements }) => statements),
      });
      await makeIndexes(target, indexes);
      return { dryRun, indexes, duplicates };
    },
  };
}
