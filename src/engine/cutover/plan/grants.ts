import { identifier } from '../../../plan/sql.ts';
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
  const table = { target: `TABLE ${pair.before}`, columns: '' };
  for (const sql of grantSteps(table, live.grants, transferToOwner(incoming.grants, incoming.owner, live.owner)))
    step(`grants ${pair.label}`, sql);
  draft.item('grants', pair.label, `as on the live table: ${grantsSummary(live.grants)}`);
  for (const column of live.columns) {
    const present = incoming.columns.find((one) => one.name === column.name);
    if (!present) continue;
    const target = { target: `TABLE ${pair.before}`, columns: ` (${identifier(column.name)})` };
    for (const sql of grantSteps(target, column.grants, present.grants))
      step(`grants ${pair.label}.${column.name}`, sql);
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
    for (const sql of grantSteps({ target: `SEQUENCE ${quoteName(present)}`, columns: '' }, sequence.grants, owned))
      step(`grants ${displayName(sequence)}`, sql);
    item(displayName(sequence), `as on the live sequence: ${grantsSummary(sequence.grants)}`);
  }
}

/** REVOKE and GRANT that turn one list of rights into another; nothing when they agree. */
export function grantSteps(
  on: { readonly target: string; readonly columns: string },
  wanted: readonly Grant[],
  present: readonly Grant[],
): string[] {
  if (grantsKey(wanted) === grantsKey(present)) return [];
  const grantees = [...new Set(present.map((grant) => grant.grantee))];
  const revoke =
    grantees.length === 0 ? [] : [`REVOKE ALL${on.columns} ON ${on.target} FROM ${grantees.map(quoteRole).join(', ')}`];
  return [
    ...revoke,
    ...wanted.map(
      (grant) =>
        `GRANT ${grant.privilege}${on.columns} ON ${on.target} TO ${quoteRole(grant.grantee)}${grant.grantable ? ' WITH GRANT OPTION' : ''}`,
    ),
  ];
}

// ALTER … OWNER hands the old owner's rights to the new one.
function transferToOwner(grants: readonly Grant[], from: string, to: string): Grant[] {
  return grants.map((grant) => (grant.grantee === from ? { ...grant, grantee: to } : grant));
}

function grantsKey(grants: readonly Grant[]): string {
  return grants
    .map((grant) => JSON.stringify([grant.grantee, grant.privilege, grant.grantable]))
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
