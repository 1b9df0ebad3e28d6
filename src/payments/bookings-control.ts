import type pg from 'pg';
import type { Database } from '../../db/client.ts';
import { createAuditLog } from '../../db/stores/audit.ts';
import type { StatisticsCheck } from '../contract/bookings.ts';
import type { Actor } from '../contract/runs.ts';
import { DroverError } from '../errors.ts';
import { createLinkControl, type LinkControl } from './link/control.ts';
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
}

export function createBookingsControl(database: Database, target: pg.Pool): BookingsControl {
  const audit = createAuditLog(database);
  const schemaOf = async (targetSchema: string | undefined): Promise<string> => {
    const schemas = await paymentSchemas(database, target);
    const schema = targetSchema === undefined ? schemas[0] : schemas.find((one) => one === targetSchema);
    if (schema !== undefined) return schema;
    throw new DroverError('NOT_FOUND', `no migration of bookings has filled ${targetSchema ?? 'a schema'}`, {
      remedy: 'Make users and payments first: `drover run bookings --schema SCHEMA`.',
    });
  };
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
  };
}
