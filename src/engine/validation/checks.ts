import { recordStatuses } from '../../contract/record-status.ts';
import type { SumLine, ValidationCheck } from '../../contract/runs.ts';
import { emailColumnsOf, type Rule } from '../../plan/contract.ts';
import { identifier } from '../../plan/sql.ts';
import { countsAddUp, entityCounts } from '../runs/progress.ts';
import { type Check, type CheckContext, createCheck, pageSize, reportSchemaErrors } from './check.ts';
import { computeSumLines, moneyColumns, sumsAgree } from './sums.ts';
import type { RowViolation } from './types.ts';

/** The source delivered as many records as it reports, and was read to its end. */
export const checkSource: Check = async ({ deps, run, entity, extraction }) => {
  const { extracted } = entityCounts(entity, await deps.ledger.actualCounts(run.id));
  const { sourceTotal, status } = extraction;
  const says = sourceTotal === null ? 'does not report how many it holds' : `reports ${sourceTotal}`;
  const description = `All ${entity} of the source were read: it ${says}, ${extracted} were extracted${describeExtractionProblem(extraction)}`;
  const short = Math.max(0, (sourceTotal ?? 0) - extracted);
  const ok = status === 'done' && short === 0 && extraction.errorCode === null;
  // A record that was never delivered has no id to list.
  const check = createCheck({ name: 'source-count', entity, description, ok }, extracted, []);
  return [{ ...check, violations: short }];
};

function describeExtractionProblem(extraction: {
  status: string;
  errorCode: string | null;
  errorMessage: string | null;
}): string {
  if (extraction.errorCode !== null) return ` (${extraction.errorCode}: ${extraction.errorMessage ?? ''})`;
  return extraction.status === 'done' ? '' : ` (its extraction is ${extraction.status})`;
}

/** I1: every extracted record has exactly one status, by the counters and by the records; none is still pending. */
export const checkBalance: Check = async ({ deps, run, entity }) => {
  const counted = entityCounts(entity, await deps.ledger.triggerCounts(run.id));
  const real = entityCounts(entity, await deps.ledger.actualCounts(run.id));
  const parts = recordStatuses.map((status) => `${real[status]} ${status}`).join(' + ');
  const wrong = recordStatuses.filter((status) => counted[status] !== real[status]);
  const disagree = wrong.length === 0 ? '' : ` (the counters differ in ${wrong.join(', ')})`;
  const balance = createCheck(
    {
      name: 'balance',
      entity,
      description: `${real.extracted} ${entity} extracted = ${parts}${disagree}`,
      ok: wrong.length === 0 && countsAddUp(real),
    },
    real.extracted,
    [],
  );
  const pending = await deps.ledger.pendingSourceIds(run.id, entity);
  const settled = createCheck(
    { name: 'settled', entity, description: `No record of ${entity} is still pending` },
    real.extracted,
    pending.map((sourceId) => ({ sourceId, targetId: null, detail: 'is still pending' })),
  );
  return [balance, settled];
};

/**
 * Every record the ledger has as reconciled, unchanged, existing or merged has an identity in the target, and that
 * identity has a row.
 */
export const checkRowCount: Check = async ({ deps, run, entity, place }) => {
  const name = { name: 'row-count', entity, description: `Every record of ${entity} that was loaded is in the target` };
  const check = await reportSchemaErrors(name, async () => {
    const rows: RowViolation[] = [];
    let checked = 0;
    for (let after: string | null = ''; after !== null; ) {
      const page = await deps.ledger.expectedRows(run.id, entity, after, pageSize);
      checked += page.count;
      if (page.count > 0) rows.push(...(await deps.target.findMissing(place, page.records)));
      after = page.next;
    }
    const description = `${name.description}: ${checked} expected, ${checked - rows.length} found`;
    return createCheck({ ...name, description }, checked, rows);
  });
  return [check];
};

/** I2: one row per record, and no second row with the same content or natural key. */
export const checkDuplicates: Check = async ({ deps, entity, definition, place }) => {
  const name = { name: 'no-doubles', entity, description: `No record of ${entity} is in the target twice` };
  const check = await reportSchemaErrors(name, async () => {
    const present = await deps.target.columns(place.schema, place.table);
    // Write timestamps differ between two rows of the same content.
    const columns = Object.entries(definition.target.columns).filter(
      ([column, { writeTimestamp: stamp }]) => present.has(column) && !stamp,
    );
    const names = columns.map(([column]) => column);
    const doubled = await deps.target.findDuplicates(
      place,
      names,
      definition.target.naturalKey ?? [],
      emailColumnsOf(definition.target),
    );
    return createCheck(name, await deps.target.countOwned(place), doubled);
  });
  return [check];
};

/** Every reference column points at an existing row of its entity; it is null only where the plan allows it. */
export const checkReferences: Check = async (context) => {
  const checks: ValidationCheck[] = [];
  for (const [column, { references, nullable, optional }] of Object.entries(context.definition.target.columns)) {
    if (references === undefined) continue;
    checks.push(...(await checkColumn(context, column, references, { nullable, optional })));
  }
  return checks;
};

async function checkColumn(
  { deps, plan, entity, place }: CheckContext,
  column: string,
  parent: string,
  of: { nullable?: boolean | undefined; optional?: boolean | undefined },
): Promise<readonly ValidationCheck[]> {
  if (of.optional && !(await deps.target.columns(place.schema, place.table)).has(column)) return [];
  const parentTable = plan.entities[parent]?.target.table ?? parent;
  const name = {
    name: `reference-${column}`,
    entity,
    description: `${column} of every row of ${entity} points at a row of ${parent}`,
  };
  const check = await reportSchemaErrors(name, async () =>
    createCheck(
      name,
      await deps.target.countOwned(place),
      await deps.target.findDangling(place, column, parentTable, of.nullable === true),
    ),
  );
  return [check];
}

/** The plan's rules, over every row the plan loaded into the schema, in this run or an earlier one. */
export const checkRules: Check = async (context) => {
  const checks: ValidationCheck[] = [];
  for (const rule of context.plan.rules)
    if (rule.entity === context.entity) checks.push(await checkRule(context, rule));
  return checks;
};

function checkRule({ deps, entity, place }: CheckContext, rule: Rule): Promise<ValidationCheck> {
  const { name, severity, description } = rule;
  const of = { name, entity, severity, description };
  return reportSchemaErrors(of, async () => {
    // A function, because `$&` in a replacement text has a meaning of its own.
    const condition = rule.violates.replaceAll('{schema}', () => identifier(place.schema));
    return createCheck(of, await deps.target.countOwned(place), await deps.target.findViolations(place, condition));
  });
}

/** I7: sums by currency and status agree, and so does every single amount, because two errors may cancel out in a sum. */
export const checkMoney: Check = async ({ deps, run, entity, definition, place }) => {
  const money = moneyColumns(definition);
  if (!money) return [];
  const name = { name: 'money', entity, description: `The sums of ${entity} agree by currency and status` };
  const check = await reportSchemaErrors(name, async () => {
    const rows: RowViolation[] = [];
    let checked = 0;
    const lines = await computeSumLines(deps, { run, place, money }, async (page) => {
      checked += page.count;
      rows.push(...(await deps.target.findAmountDifferences(place, money, page.records)));
    });
    const withoutAmount = await deps.ledger.countWithoutAmount(run.id, entity);
    const wrong = lines.filter((line) => !sumsAgree(line));
    const description = [
      name.description,
      ...wrong.map(describeDifference),
      ...describeMissingAmounts(withoutAmount, entity),
    ].join('; ');
    return createCheck({ ...name, description, ok: wrong.length === 0 && rows.length === 0 }, checked, rows);
  });
  return [check];
};

function describeDifference(line: SumLine): string {
  const { currency, status, source, target, unloaded } = line;
  return `${currency} ${status}: source ${source} is not target ${target} + unloaded ${unloaded}`;
}

function describeMissingAmounts(count: number, entity: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${entity} carry no amount that could be read and are in no sum`];
}
