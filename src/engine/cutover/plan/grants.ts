import { identifier, literal } from '../../../plan/sql.ts';
import type { Grant } from '../catalog.ts';
import { displayName, quoteName } from '../names.ts';
import type { ExchangePair, PlanContext } from './draft.ts';

/**
 * Rights are exactly the live table's: what only the incoming table grants is taken away, or a right given for loading
 * would become a right on production.
 */
export function planGrants({ draft }: PlanContext, pair: ExchangePair): void {
  const step = (object: string, sql: string) => draft.statement('rights', object, 'as on the live table', sql);
  const { live, incoming } = pair;
  const table = { target: `TABLE ${pair.before}`, columns: '', schema: incoming.schema, owner: live.owner };
  const present = transferToOwner(incoming.grants, incoming.owner, live.owner);
  const steps = grantSteps(table, live.grants, present);
  for (const sql of steps) step(`grants ${pair.label}`, sql);
  draft.item('grants', pair.label, `as on the live table: ${grantsSummary(live.grants)}`);
  for (const column of live.columns) {
    const own = incoming.columns.find((one) => one.name === column.name);
    if (!own) continue;
    const target = { ...table, columns: ` (${identifier(column.name)})` };
    const grants = transferToOwner(own.grants, incoming.owner, live.owner);
    // What is taken from a role on the table is taken from it on every column.
    const touched = steps.length > 0 && grants.length + column.grants.length > 0;
    if (touched || grantsKey(column.grants) !== grantsKey(grants))
      for (const sql of replaceGrants(target, column.grants, grants)) step(`grants ${pair.label}.${column.name}`, sql);
    if (column.grants.length > 0)
      draft.item('grants', `${pair.label}.${column.name}`, `as on the live table: ${grantsSummary(column.grants)}`);
  }
  planSequenceGrants(pair, step, (object, action) => draft.item('grants', object, action));
}

function planSequenceGrants(
  pair: ExchangePair,
  step: (object: string, sql: string) => void,
  item: (object: string, action: string) => void,
): void {
  for (const sequence of pair.live.sequences.filter((one) => one.identity)) {
    const present = pair.incoming.sequences.find((one) => one.identity && one.column === sequence.column);
    if (!present) continue;
    const owned = transferToOwner(present.grants, present.owner, sequence.owner);
    const { schema } = present;
    const on = { target: `SEQUENCE ${quoteName(present)}`, columns: '', schema, owner: sequence.owner };
    for (const sql of grantSteps(on, sequence.grants, owned)) step(`grants ${displayName(sequence)}`, sql);
    item(displayName(sequence), `as on the live sequence: ${grantsSummary(sequence.grants)}`);
  }
}

/** What rights are given on. */
export interface GrantTarget {
  /** `TABLE "a"."b"`. */
  readonly target: string;
  /** ` ("c")`, or empty. */
  readonly columns: string;
  readonly schema: string;
  /** In whose name the role that carries it out gives rights. */
  readonly owner: string;
}

/** REVOKE and GRANT that turn one list of rights into another; nothing when they agree. */
export function grantSteps(on: GrantTarget, wanted: readonly Grant[], present: readonly Grant[]): string[] {
  return grantsKey(wanted) === grantsKey(present) ? [] : replaceGrants(on, wanted, present);
}

// CASCADE: what a role has handed on goes with its right to do so.
function replaceGrants(on: GrantTarget, wanted: readonly Grant[], present: readonly Grant[]): string[] {
  const grantees = [...new Set(present.map((grant) => grant.grantee))];
  const roles = grantees.map(quoteRole).join(', ');
  const revoke = grantees.length === 0 ? [] : [`REVOKE ALL${on.columns} ON ${on.target} FROM ${roles} CASCADE`];
  return [...revoke, ...givenFirst(wanted, on.owner).map((grant) => grantSql(on, grant))];
}

/** The rights in an order in which they can be given: a role hands on only what it has been given. */
function givenFirst(grants: readonly Grant[], owner: string): Grant[] {
  const ordered: Grant[] = [];
  const able = new Set([owner]);
  for (let rest = [...grants]; rest.length > 0; ) {
    const next = rest.filter((grant) => able.has(grant.grantor));
    // What is left was given by right of another object, a column's by that of its table.
    if (next.length === 0) return [...ordered, ...rest];
    ordered.push(...next);
    for (const grant of next) if (grant.grantable) able.add(grant.grantee);
    rest = rest.filter((grant) => !next.includes(grant));
  }
  return ordered;
}

/** PostgreSQL records the role that gives a right, and it must be the current one; this may have no way into the schema yet. */
function grantSql(on: GrantTarget, grant: Grant): string {
  const sql = `GRANT ${grant.privilege}${on.columns} ON ${on.target} TO ${quoteRole(grant.grantee)}${grant.grantable ? ' WITH GRANT OPTION' : ''}`;
  if (grant.grantor === on.owner) return sql;
  const [role, schema] = [identifier(grant.grantor), identifier(on.schema)];
  return `DO $grant$ DECLARE usable boolean := pg_catalog.has_schema_privilege(${literal(grant.grantor)}, ${literal(on.schema)}, 'USAGE'); BEGIN
  IF NOT usable THEN GRANT USAGE ON SCHEMA ${schema} TO ${role}; END IF;
  SET LOCAL ROLE ${role}; ${sql}; RESET ROLE;
  IF NOT usable THEN REVOKE USAGE ON SCHEMA ${schema} FROM ${role}; END IF;
END $grant$`;
}

// ALTER … OWNER hands the old owner's rights to the new one, and what it gave is given by the new one.
function transferToOwner(grants: readonly Grant[], from: string, to: string): Grant[] {
  const roleOf = (role: string) => (role === from ? to : role);
  return grants.map((grant) => ({ ...grant, grantee: roleOf(grant.grantee), grantor: roleOf(grant.grantor) }));
}

function grantsKey(grants: readonly Grant[]): string {
  return grants
    .map((grant) => JSON.stringify([grant.grantee, grant.privilege, grant.grantable, grant.grantor]))
    .sort()
    .join();
}

export function quoteRole(name: string): string {
  return name === '' ? 'PUBLIC' : identifier(name);
}

function grantsSummary(grants: readonly Grant[]): string {
  const grantees = new Set(grants.map((grant) => grant.grantee || 'PUBLIC'));
  return [...grantees]
    .map(
      (grantee) =>
        `${grantee} ${grants
          .filter((grant) => (grant.grantee || 'PUBLIC') === grantee)
          .map((grant) => grant.privilege)
          .join('+')}`,
    )
    .join(', ');
}
