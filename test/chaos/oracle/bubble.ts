import { createHash } from 'node:crypto';
import type { Sums } from '../../../src/sandbox/bubble/data/generate.ts';
import type { Probe } from '../probe.ts';
import type { Expectation, Expected } from './expectation.ts';
import { combineFindings, describeItems, type Finding, groupBy } from './finding.ts';
import { checkBalance, checkLedger } from './ledger.ts';

/**
 * What came of a run, by plain SQL against what the sandbox knows of its data. The oracle imports nothing of the engine:
 * an error they shared would not be seen.
 */
export async function checkBubbleRun(
  probe: Probe,
  run: { readonly id: string; readonly schema: string },
  expectation: Expectation,
  sums: Sums,
): Promise<Finding> {
  const expected: Expectation = new Map(
    [...expectation].map(([entity, records]) => [
      entity,
      new Map([...records].map(([id, record]) => [ledgerId(id), record])),
    ]),
  );
  return combineFindings([
    await checkLedger(probe, run.id, expected),
    await checkRows(probe, run.id, run.schema, expected),
    await checkSums(probe, run.schema, sums),
    await checkBalance(probe, run.id),
  ]);
}

/** As docs/architecture.md says: an id of more than 1,024 bytes is known by its beginning and its SHA-256. */
function ledgerId(id: string): string {
  if (Buffer.byteLength(id) <= 1_024) return id;
  return `${id.slice(0, 64)}#${createHash('sha256').update(id).digest('hex')}`;
}

/**
 * The target's tables, two ways. By identity: each record that must arrive has one row, each row one record. And by what
 * the business sees: as many rows made at an instant as the source has records of that instant that must arrive; this
 * needs none of Drover's own tables.
 */
async function checkRows(probe: Probe, runId: string, schema: string, expectation: Expectation): Promise<Finding> {
  const findings: Finding[] = [];
  for (const [entity, records] of expectation) {
    const arriving = new Map([...records].filter(([, expected]) => expected.outcome === 'reconciled'));
    findings.push(await checkIdentities(probe, runId, schema, entity, arriving));
    findings.push(await checkInstants(probe, schema, entity, arriving));
  }
  return combineFindings(findings);
}

async function checkIdentities(
  probe: Probe,
  runId: string,
  schema: string,
  entity: string,
  arriving: ReadonlyMap<string, Expected>,
): Promise<Finding> {
  const rows = await probe.query<{ source_id: string | null; id: string }>(
    `SELECT i.source_id, t.id::text AS id FROM ${schema}.${entity} t LEFT JOIN drover.identities i
       ON i.target_id = t.id::text AND i.entity = $1 AND i.run_id = $2 AND NOT i.merged`,
    [entity, runId],
  );
  const perSource = groupBy(rows, (row) => row.source_id ?? '');
  const perRow = groupBy(rows, (row) => row.id);
  const missing = [...arriving.keys()].filter((id) => !perSource.has(id));
  const nobodys = (perSource.get('') ?? []).map((row) => row.id);
  const twice = [...perSource].filter(([id, found]) => id !== '' && found.length > 1).map(([id]) => id);
  const shared = [...perRow].filter(([, found]) => found.length > 1).map(([id]) => id);
  return {
    lost: missing.length,
    doubled: nobodys.length + twice.length,
    problems: [
      ...describeItems(`${entity} without a row in the target`, missing),
      ...describeItems(`rows of ${entity} that belong to no record`, nobodys),
      ...describeItems(`${entity} with two rows`, twice),
      ...describeItems(`rows of ${entity} that belong to two records`, shared),
    ],
  };
}

async function checkInstants(
  probe: Probe,
  schema: string,
  entity: string,
  arriving: ReadonlyMap<string, Expected>,
): Promise<Finding> {
  const rows = await probe.query<{ ms: string; n: number }>(
    `SELECT round(extract(epoch FROM created_at) * 1000)::bigint::text AS ms, count(*)::int AS n
     FROM ${schema}.${entity} GROUP BY 1`,
  );
  const wanted = new Map<string, number>();
  for (const { createdMs } of arriving.values()) {
    wanted.set(String(createdMs), (wanted.get(String(createdMs)) ?? 0) + 1);
  }
  const found = new Map(rows.map((row) => [row.ms, row.n]));
  const difference = (ms: string): number => (found.get(ms) ?? 0) - (wanted.get(ms) ?? 0);
  const instants = [...new Set([...found.keys(), ...wanted.keys()])];
  const extra = instants.filter((ms) => difference(ms) > 0);
  const under = instants.filter((ms) => difference(ms) < 0);
  return {
    lost: under.reduce((sum, ms) => sum - difference(ms), 0),
    doubled: extra.reduce((sum, ms) => sum + difference(ms), 0),
    problems: [
      ...describeItems(`instants with too many ${entity}`, extra),
      ...describeItems(`instants with too few ${entity}`, under),
    ],
  };
}

/** What the target's payments add up to, by currency and status, against what the sandbox knows it gave. */
async function checkSums(probe: Probe, schema: string, sums: Sums): Promise<Finding> {
  const rows = await probe.query<{ currency: string; status: string; n: number; total: string }>(
    `SELECT currency, status, count(*)::int AS n, sum(amount)::text AS total FROM ${schema}.payments GROUP BY 1, 2`,
  );
  const found = new Set(rows.map((row) => line(row.currency, row.status, row.n, minorOf(row.total, row.currency))));
  const wanted = new Set(sums.reconciled.map((sum) => line(sum.currency, sum.status, sum.count, sum.amount)));
  return {
    lost: 0,
    doubled: 0,
    problems: [
      ...describeItems(
        'sums the source does not have',
        [...found].filter((one) => !wanted.has(one)),
      ),
      ...describeItems(
        'sums the target does not have',
        [...wanted].filter((one) => !found.has(one)),
      ),
    ],
  };
}

const line = (currency: string, status: string, n: number, minor: string): string =>
  `${currency} ${status}: ${minor} in ${n}`;

/** A decimal text in minor units of its currency, without floating point. */
function minorOf(decimal: string, currency: string): string {
  const digits =
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  const [whole = '0', fraction = ''] = decimal.split('.');
  return String(BigInt(`${whole}${fraction.padEnd(digits, '0').slice(0, digits)}`));
}
