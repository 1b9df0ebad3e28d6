import type { RelationName } from '../../contract/cutover.ts';

/** What the catalog says of the tables of an exchange, read in one snapshot. Text is as PostgreSQL deparses it. */

export interface Grant {
  /** Empty: PUBLIC. */
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
  /** The role that gave it: the owner, or a role that may hand it on. Its rights end with those of this role. */
  readonly grantor: string;
}

export interface Column {
  readonly name: string;
  readonly position: number;
  readonly type: string;
  readonly collation: string | null;
  readonly notNull: boolean;
  readonly default: string | null;
  readonly identity: '' | 'a' | 'd';
  readonly generated: '' | 's' | 'v';
  readonly statistics: number;
  readonly storage: string;
  readonly compression: string;
  readonly options: readonly string[];
  readonly grants: readonly Grant[];
  readonly comment: string | null;
  /** JSON does not keep its values exactly. */
  readonly inexact: boolean;
}

export interface Constraint {
  readonly oid: string;
  readonly name: string;
  /** p, u, x, c, f, n. */
  readonly type: string;
  /** Without NOT VALID. */
  readonly definition: string;
  readonly validated: boolean;
  readonly columns: readonly string[];
  /** Of a foreign key: what it points at; `text` is how the definition writes it. */
  readonly references: (RelationName & { readonly oid: string; readonly text: string }) | null;
  readonly indexOid: string | null;
  readonly comment: string | null;
}

export interface Index {
  readonly oid: string;
  readonly name: string;
  readonly unique: boolean;
  /** From USING on. */
  readonly tail: string;
  readonly constraint: string | null;
  readonly isReplicaIdentity: boolean;
  readonly isClustered: boolean;
  readonly valid: boolean;
  /** Statistics targets that were set, by number of the index's column. */
  readonly targets: readonly (readonly [column: number, target: number])[];
  readonly comment: string | null;
}

export interface Sequence extends RelationName {
  readonly oid: string;
  readonly column: string;
  readonly identity: boolean;
  /** False: the column's default uses it, but it belongs to no column. */
  readonly owned: boolean;
  readonly parameters: string;
  readonly descending: boolean;
  readonly grants: readonly Grant[];
  readonly owner: string;
  readonly comment: string | null;
}

export interface Trigger {
  readonly name: string;
  readonly definition: string;
  readonly enabled: string;
  readonly comment: string | null;
  /** The engine's own, which records changes. */
  readonly capture: boolean;
}

export interface Policy {
  readonly name: string;
  readonly command: string;
  readonly permissive: boolean;
  readonly roles: readonly string[];
  readonly using: string | null;
  readonly check: string | null;
  readonly comment: string | null;
}

export interface Rule {
  readonly name: string;
  readonly definition: string;
  readonly enabled: string;
  readonly comment: string | null;
}

export interface Statistics extends RelationName {
  readonly oid: string;
  /** `(ndistinct) ON a, b`, without name and table. */
  readonly body: string;
  readonly target: number;
  readonly comment: string | null;
}

export interface Table extends RelationName {
  readonly oid: string;
  readonly kind: string;
  readonly persistence: string;
  readonly accessMethod: string;
  readonly tablespace: string;
  readonly owner: string;
  readonly grants: readonly Grant[];
  readonly options: readonly string[];
  readonly rowSecurity: boolean;
  readonly forceRowSecurity: boolean;
  readonly replicaIdentity: string;
  readonly comment: string | null;
  /** Why its kind cannot be exchanged, or null. */
  readonly refusal: string | null;
  readonly columns: readonly Column[];
  readonly constraints: readonly Constraint[];
  readonly indexes: readonly Index[];
  readonly sequences: readonly Sequence[];
  readonly triggers: readonly Trigger[];
  readonly policies: readonly Policy[];
  readonly rules: readonly Rule[];
  readonly statistics: readonly Statistics[];
}

/** A foreign key of a table outside the set that points into it. */
export interface IncomingKey {
  readonly table: RelationName;
  readonly tableOid: string;
  readonly partitioned: boolean;
  readonly columns: readonly string[];
  readonly targetColumns: readonly string[];
  readonly references: string;
  readonly name: string;
  readonly definition: string;
  readonly validated: boolean;
  readonly comment: string | null;
}

export interface View extends RelationName {
  readonly oid: string;
  readonly materialized: boolean;
  readonly definition: string;
  readonly options: readonly string[];
  readonly owner: string;
  readonly grants: readonly Grant[];
  readonly comment: string | null;
  readonly populated: boolean;
  readonly columns: readonly Column[];
  readonly indexes: readonly Index[];
  readonly statistics: readonly Statistics[];
  /** Oids of relations it reads itself. */
  readonly reads: readonly string[];
  /** How many views lie between it and the set; the outermost has the most. */
  readonly depth: number;
}

/** Something outside the set that holds on to a live table by its oid, and the statement that makes it anew. */
export interface Dependent {
  readonly kind: 'function' | 'policy' | 'rule';
  readonly object: string;
  /** The table or view it sits on, to be locked; null for a function. */
  readonly on: RelationName | null;
  readonly sql: string;
}

export interface PublicationMember {
  readonly publication: string;
  readonly tableOid: string;
  /** ` (a, b) WHERE (…)`, or empty. */
  readonly tail: string;
  readonly covers: 'table' | 'schema' | 'all';
}

export interface Catalog {
  readonly serverVersion: number;
  /** By `schema.name` as `keyOf` makes it. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly incomingKeys: readonly IncomingKey[];
  readonly views: readonly View[];
  readonly dependents: readonly Dependent[];
  readonly publications: readonly PublicationMember[];
  /** Default privileges that exist; they apply to what is made, and nothing of the set is made in the swap. */
  readonly defaultPrivileges: readonly string[];
  /** Things that hold on to a live table in a way the engine cannot re-point. */
  readonly obstacles: readonly string[];
  /** Names of relations, indexes and sequences in use, by schema. */
  readonly taken: ReadonlyMap<string, ReadonlySet<string>>;
  readonly schemas: ReadonlySet<string>;
}

/** A key for maps; not SQL. */
export function keyOf(name: RelationName): string {
  return JSON.stringify([name.schema, name.name]);
}
