import { createHash } from 'node:crypto';
import type { Entity } from '../../plan/contract.ts';
import type { SqlPort } from '../../plan/sql.ts';
import type { TargetScope } from '../../plan/target.ts';
import { columnsOf } from './columns.ts';
import { type Statements, statementsFor } from './statements.ts';

/** A target table with the statements made for the columns it really has. */
export interface TargetTable {
  /** Part of the names of its prepared statements. */
  readonly name: string;
  /** Scope of its identities. */
  readonly scope: string;
  readonly entity: Entity;
  readonly columns: readonly string[];
  readonly statements: Statements;
}

export interface TableCache {
  of(scope: TargetScope): Promise<TargetTable>;
  /** Forgets what is known of a schema, after its tables were made or changed. */
  invalidate(targetSchema: string): void;
}

/** Looks each table up once and keeps its statements. */
export function createTableCache(sql: SqlPort): TableCache {
  const known = new Map<string, Promise<TargetTable>>();

  async function build(scope: TargetScope): Promise<TargetTable> {
    const columns = await columnsOf(sql, scope.targetSchema, scope.definition);
    const statements = statementsFor(scope.targetSchema, scope.definition, columns, scope.sharingEntities.length > 0);
    return {
      // By their text: a prepared statement of the same name with another text is refused, and several targets may
      // share a pool. Cut short, because PostgreSQL cuts names at 63 bytes.
      name: createHash('sha256').update(Object.values(statements).join()).digest('hex').slice(0, 16),
      scope: `${scope.plan}/${scope.targetSchema}`,
      entity: scope.definition,
      columns: columns.map((column) => column.name),
      statements,
    };
  }

  return {
    of(scope) {
      const key = `${scope.targetSchema}/${scope.plan}/${scope.entity}`;
      const found = known.get(key);
      if (found) return found;
      const made = build(scope);
      known.set(key, made);
      made.catch(() => known.delete(key));
      return made;
    },
    invalidate(targetSchema) {
      for (const key of known.keys()) if (key.startsWith(`${targetSchema}/`)) known.delete(key);
    },
  };
}
