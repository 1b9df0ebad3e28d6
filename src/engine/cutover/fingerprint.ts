import type { Exchange, PlannedDifference } from '../../contract/cutover.ts';
import { type Catalog, type Grant, keyOf, type Table, type View } from './catalog.ts';
import { displayName } from './names.ts';
import { rewriteRelations } from './plan/views.ts';

type Entries = [string, unknown][];

/** All that the catalog says of the live set and of what holds on to it, one entry a fact, without oids. */
export function fingerprint(catalog: Catalog, tables: readonly Exchange[]): ReadonlyMap<string, string> {
  const live = tables.flatMap((exchange) => catalog.tables.get(keyOf(exchange.live)) ?? []);
  const names = new Map(live.map((table) => [table.oid, displayName(table)]));
  const entries: Entries = [...live.flatMap(tableEntries), ...outsideEntries(catalog, names, tables)];
  return new Map(entries.map(([key, value]) => [key, JSON.stringify(value)]));
}

function tableEntries(table: Table): Entries {
  const label = displayName(table);
  return [
    [`table ${label} owner`, table.owner],
    [`table ${label} options`, [...table.options].sort()],
    [`table ${label} row-security`, [table.rowSecurity, table.forceRowSecurity]],
    [
      `table ${label} replica-identity`,
      [table.replicaIdentity, table.indexes.find((index) => index.isReplicaIdentity)?.name],
    ],
    [`table ${label} storage`, [table.persistence, table.accessMethod]],
    [`table ${label} tablespace`, table.tablespace],
    [`table ${label} comment`, table.comment],
    [`order ${label}`, table.columns.map((column) => column.name)],
    ...grantEntries(`table ${label}`, table.grants),
    ...table.columns.flatMap((column) => columnEntries(label, column)),
    ...table.constraints.flatMap(
      (one): Entries => [
        [`constraint ${label} ${one.name}`, [one.definition, one.comment]],
        [`constraint ${label} ${one.name} validated`, one.validated],
      ],
    ),
    ...partEntries(table, label),
  ];
}

function partEntries(table: Table, label: string): Entries {
  return [
    ...table.indexes.map((one): Entries[0] => [
      `index ${label} ${one.name}`,
      [one.unique, one.tail, one.valid, one.isClustered, one.targets, one.comment],
    ]),
    ...table.triggers
      .filter((one) => !one.capture)
      .map((one): Entries[0] => [`trigger ${label} ${one.name}`, [one.definition, one.enabled, one.comment]]),
    ...table.policies.map((one): Entries[0] => [`policy ${label} ${one.name}`, one]),
    ...table.rules.map((one): Entries[0] => [`rule ${label} ${one.name}`, [one.definition, one.enabled, one.comment]]),
    ...table.statistics.map((one): Entries[0] => [
      `statistics ${label} ${one.name}`,
      [one.schema, one.body, one.target, one.comment],
    ]),
    ...table.sequences.flatMap(
      (one): Entries => [
        [
          `sequence ${displayName(one)}`,
          [label, one.column, one.identity, one.owned, one.parameters, one.owner, one.comment],
        ],
        ...grantEntries(`sequence ${displayName(one)}`, one.grants),
      ],
    ),
  ];
}

function columnEntries(
  label: string,
  { name, position: _position, notNull, grants, ...rest }: Table['columns'][number],
): Entries {
  const key = `column ${label}.${name}`;
  return [[key, rest], [`${key} not-null`, notNull], ...grantEntries(key, grants)];
}

function grantEntries(key: string, grants: readonly Grant[]): Entries {
  return grants.map((grant) => [
    `${key} grant ${grant.privilege} to ${grant.grantee || 'PUBLIC'} by ${grant.grantor}`,
    grant.grantable,
  ]);
}

/**
 * The text of a materialized view with every alias written out: one that was built under passing names says them, and
 * means the same.
 */
function definitionOf(view: View, catalog: Catalog, tables: readonly Exchange[]): string {
  if (!view.materialized) return view.definition;
  const names = [...tables.map(({ live }) => live), ...catalog.views.filter((one) => one.materialized)];
  return rewriteRelations(
    view.definition,
    names.map((name) => ({ from: name, to: name })),
  );
}

function outsideEntries(catalog: Catalog, names: ReadonlyMap<string, string>, tables: readonly Exchange[]): Entries {
  return [
    ...catalog.incomingKeys
      .filter((key) => names.has(key.references))
      .flatMap(
        (key): Entries => [
          [
            `incoming-key ${displayName(key.table)} ${key.name}`,
            [key.definition, names.get(key.references), key.comment],
          ],
          [`incoming-key ${displayName(key.table)} ${key.name} validated`, key.validated],
        ],
      ),
    ...catalog.views.flatMap(
      (view): Entries => [
        [
          `view ${displayName(view)}`,
          [
            view.materialized,
            definitionOf(view, catalog, tables),
            view.options,
            view.owner,
            view.comment,
            view.populated,
          ],
        ],
        ...grantEntries(`view ${displayName(view)}`, view.grants),
        ...view.indexes.map((index): Entries[0] => [
          `view ${displayName(view)} index ${index.name}`,
          [index.unique, index.tail, index.valid, index.isClustered, index.targets, index.comment],
        ]),
        ...view.columns.flatMap((column) => columnEntries(displayName(view), column)),
        ...view.statistics.map((one): Entries[0] => [
          `view ${displayName(view)} statistics ${one.schema}.${one.name}`,
          [one.body, one.target, one.comment],
        ]),
      ],
    ),
    ...catalog.dependents.map((one): Entries[0] => [`${one.kind} ${one.object}`, one.sql]),
    ...catalog.publications
      .filter((one) => names.has(one.tableOid))
      .map((one): Entries[0] => [`publication ${one.publication} ${names.get(one.tableOid)}`, [one.tail, one.covers]]),
    ...catalog.obstacles.map((one): Entries[0] => [`obstacle ${one}`, true]),
  ];
}

/** What differs between two fingerprints and was not planned, in words. */
export function unplannedDifferences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  planned: readonly PlannedDifference[],
): string[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys
    .filter((key) => before.get(key) !== after.get(key))
    .filter((key) => !planned.some((one) => key === one.key || key.startsWith(`${one.key} `)))
    .map((key) => {
      if (!after.has(key)) return `${key} is gone: it was ${before.get(key)}`;
      if (!before.has(key)) return `${key} is new: ${after.get(key)}`;
      return `${key} was ${before.get(key)} and is ${after.get(key)}`;
    });
}
