import type { Client } from '../../src/cli/client.ts';
import type { Page, RecordView, RunView, ValidationView } from '../../src/contract/runs.ts';
import type { Manifest } from '../../src/sandbox/bubble/data/generate.ts';
import type { BubbleType } from '../../src/sandbox/bubble/schema.ts';

const typeOf: Readonly<Record<string, BubbleType>> = {
  users: 'user',
  client_profiles: 'clientprofile',
  coach_profiles: 'coachprofile',
  bookings: 'booking',
  payments: 'payment',
};

/**
 * Holds a finished run against what the sandbox knows of its own data by construction: every record's outcome and code,
 * the sums the target must show, and the validation. Answers what is wrong, nothing when all is well.
 */
export async function checkRun(api: Client, run: RunView, manifest: Manifest): Promise<readonly string[]> {
  const problems: string[] = [];
  if (!run.balanced) problems.push('the records do not balance');
  for (const [entity, type] of Object.entries(typeOf)) {
    problems.push(...countProblems(run, entity, manifest.types[type]));
    problems.push(...(await recordProblems(api, run.id, entity, manifest.types[type])));
  }
  problems.push(...sumProblems(run, manifest));
  const validation = await api.get<ValidationView>(`/runs/${run.id}/validation`);
  const broken = validation.checks.filter((check) => !check.ok && check.severity === 'error');
  problems.push(...broken.map((check) => `validation: ${check.name} is broken by ${check.violations} rows`));
  return problems;
}

function countProblems(run: RunView, entity: string, expected: Manifest['types'][BubbleType]): string[] {
  const counts = run.entities[entity];
  if (!counts) return [`${entity} were not moved`];
  const pairs = Object.entries({ extracted: expected.total, ...expected.outcomes }) as [
    keyof typeof expected.outcomes,
    number,
  ][];
  return pairs
    .filter(([name, n]) => counts[name] !== n)
    .map(([name, n]) => `${entity}: ${counts[name]} ${name}, ${n} expected`);
}

async function recordProblems(
  api: Client,
  runId: string,
  entity: string,
  expected: Manifest['types'][BubbleType],
): Promise<string[]> {
  const found = new Map<string, string>();
  for (const status of ['skipped', 'rejected', 'blocked', 'failed', 'mismatched']) {
    for (const record of await recordsOf(api, runId, entity, status))
      found.set(record.sourceId, `${status} ${record.code}`);
  }
  const wanted = new Map(
    Object.entries(expected.verdicts).map(([id, verdict]) => [id, `${verdict.outcome} ${verdict.code}`]),
  );
  const ids = [...new Set([...found.keys(), ...wanted.keys()])].filter((id) => found.get(id) !== wanted.get(id));
  return ids.map(
    (id) => `${entity} ${id}: ${found.get(id) ?? 'reconciled'}, ${wanted.get(id) ?? 'reconciled'} expected`,
  );
}

async function recordsOf(api: Client, runId: string, entity: string, status: string): Promise<RecordView[]> {
  const records: RecordView[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<RecordView> = await api.get(`/runs/${runId}/records`, { entity, status, cursor, limit: 500 });
    records.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return records;
}

function sumProblems(run: RunView, manifest: Manifest): string[] {
  const target = new Map(
    run.sums.filter((line) => line.target !== '0').map((line) => [`${line.currency} ${line.status}`, line.target]),
  );
  const wanted = new Map(manifest.sums.reconciled.map((sum) => [`${sum.currency} ${sum.status}`, sum.amount]));
  const names = [...new Set([...target.keys(), ...wanted.keys()])].filter(
    (name) => target.get(name) !== wanted.get(name),
  );
  return names.map(
    (name) => `sum of ${name}: ${target.get(name) ?? 0} in the target, ${wanted.get(name) ?? 0} expected`,
  );
}
