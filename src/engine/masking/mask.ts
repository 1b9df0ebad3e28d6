import type { Control } from '../../contract/control.ts';
import type { Conflict, CutoverEntry, CutoverView } from '../../contract/cutover.ts';
import { type FailureVariant, variantsText } from '../../contract/failure-variants.ts';
import type { HistoryTarget, RecordHistory, RelatedRecord, RepairPlanView } from '../../contract/records.ts';
import type { FailureGroup, RecordView, RunView, TryView, ValidationView } from '../../contract/runs.ts';
import type { Entity } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';

/** What operators see, as viewers see it. All pure. Source ids may be addresses; messages may quote values. */

/** The same run object where nothing is hidden, so that caches by object stay valid. */
export function maskRun<T extends Pick<RunView, 'reason'> & Partial<Pick<RunView, 'holdups'>>>(run: T): T {
  const texts = [run.reason ?? '', ...(run.holdups ?? []).map(({ what }) => what)].join(' ');
  if (maskContacts(texts) === texts) return run;
  const holdups = run.holdups?.map((one) => ({ ...one, what: maskContacts(one.what) }));
  return { ...run, reason: run.reason && maskContacts(run.reason), ...(holdups && { holdups }) };
}

function maskRecord<T extends RecordView>(record: T): T {
  return { ...record, sourceId: maskContacts(record.sourceId), message: maskNullable(record.message) };
}

export function maskFailure<T extends FailureGroup>(group: T): T {
  const variants = group.variants && maskVariants(group.variants);
  // Made of the masked parts: a quote that one message leaves open must not pair with one of the next.
  const message = variants ? variantsText(variants, group.count) : maskMessage(group.message);
  return { ...group, message, ...(variants && { variants }), examples: group.examples.map(maskContacts) };
}

/** A group as the ledger gives it, masked. */
export function maskFailureRow<
  T extends Required<Pick<FailureGroup, 'examples'>> & { readonly variants: readonly FailureVariant[] },
>(group: T): T {
  return { ...group, variants: maskVariants(group.variants), examples: group.examples.map(maskContacts) };
}

function maskVariants(variants: readonly FailureVariant[]): readonly FailureVariant[] {
  return variants.map((variant) => ({ ...variant, message: maskMessage(variant.message) }));
}

function maskRepair(view: RepairPlanView): RepairPlanView {
  const remove = view.remove.map((row) => ({
    ...row,
    sourceId: maskContacts(row.sourceId),
    refusal: maskNullable(row.refusal),
  }));
  return { ...view, write: view.write.map(maskFailure), remove };
}

export function maskValidation(view: ValidationView): ValidationView {
  const checks = view.checks.map((check) => ({
    ...check,
    rows: check.rows.map((row) => ({
      ...row,
      sourceId: maskContacts(row.sourceId),
      detail: maskMessage(row.detail),
    })),
  }));
  return { ...view, checks };
}

export function maskCutoverEntry<T extends CutoverEntry>(entry: T): T {
  return { ...entry, problems: entry.problems.map(maskMessage), reason: maskContacts(entry.reason) };
}

export function maskCutover(view: CutoverView): CutoverView {
  return { ...maskCutoverEntry(view), conflicts: view.conflicts.map(maskConflict) };
}

/** Keys of rows may be addresses, and a difference in a row is reported with its values. */
export function maskConflict({ table, key, detail }: Conflict): Conflict {
  return { table, key: maskContacts(key), detail: maskMessage(detail) };
}

function maskHistory(history: RecordHistory): RecordHistory {
  return {
    ...maskRecord(history),
    tries: history.tries.map(maskTry),
    notes: history.notes.map(maskMessage),
    parent: history.parent && maskRelative(history.parent),
    survivor: history.survivor && maskRelative(history.survivor),
    target: history.target && maskTarget(history.target),
  };
}

function maskTry(one: TryView): TryView {
  return { ...one, message: maskMessage(one.message) };
}

function maskRelative(relative: RelatedRecord): RelatedRecord {
  return { ...relative, sourceId: maskContacts(relative.sourceId) };
}

function maskTarget(target: HistoryTarget): HistoryTarget {
  const { loaded, row, personal } = target;
  return { ...target, loaded: loaded && maskColumns(loaded, personal), row: row && maskColumns(row, personal) };
}

const maskNullable = (message: string | null): string | null => (message === null ? null : maskMessage(message));

/** What viewers may read, with personal data masked. It has no methods that change anything. */
export type MaskedReads = Pick<
  Control,
  'runs' | 'records' | 'history' | 'failures' | 'validation' | 'repairPlan' | 'report'
>;

export function maskedControl(control: MaskedReads): MaskedReads {
  return {
    async runs(query) {
      const page = await control.runs(query);
      return { ...page, items: page.items.map(maskRun) };
    },
    async records(id, filter) {
      const page = await control.records(id, filter);
      return { ...page, items: page.items.map(maskRecord) };
    },
    history: async (sourceId) => (await control.history(sourceId)).map(maskHistory),
    failures: async (id) => (await control.failures(id)).map(maskFailure),
    validation: async (id) => maskValidation(await control.validation(id)),
    repairPlan: async (id) => maskRepair(await control.repairPlan(id)),
    report: (id, name) => control.report(id, name, { masked: true }),
  };
}

/** Names of a row's columns by the roles that may see them. */
export interface ColumnAccess {
  /** May hold personal data: for operators. */
  readonly personal: readonly string[];
  /** Made from a secret (a hash of a password): shown to no role. */
  readonly secret: readonly string[];
}

const plainTypes = new Set(['uuid', 'boolean', 'timestamptz']);

/**
 * Which columns of an entity's table are shown to which roles. Ids, an API's too, flags, instants and money are plain; everything else,
 * and every column the plan does not know, may be about a person: a plan does not have to say so for it to be hidden.
 */
export function columnAccess(entity: Entity, columns: readonly string[]): ColumnAccess {
  const money = new Set(Object.values(entity.money ?? {}));
  const isSecret = (name: string): boolean => entity.target.columns[name]?.enriched === true;
  const isPlain = (name: string): boolean =>
    name === 'id' ||
    money.has(name) ||
    entity.target.columns[name]?.filledByApi === true ||
    plainTypes.has(entity.target.columns[name]?.type ?? '');
  return {
    personal: columns.filter((name) => !isSecret(name) && !isPlain(name)),
    secret: columns.filter(isSecret),
  };
}

/** The row with the values of these columns hidden. An empty value stays empty: its absence is not secret. */
export function maskColumns(row: JsonObject, columns: readonly string[]): JsonObject {
  const hide = new Set(columns);
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, hide.has(name) && value !== null ? maskedValue : value]),
  );
}

// Bounded: a text of many thousand letters without a blank must not be scanned from each of them to its end.
const emailPattern = /[^\s"'<>(),;:=[\]{}|]{1,256}@[^\s"'<>(),;:=[\]{}|@]{1,256}/g;

/**
 * Telephone numbers as people write them: with a country code, with the area in brackets, in three groups, or with the
 * leading zero of a national number. Plain runs of digits are left: ids and amounts are made of them.
 */
const phonePattern =
  /\+\d[\d\s().-]{5,}\d|\(\d{2,4}\)\s?\d{3}[\s.-]?\d{3,4}|(?<![\w.-])\d{3}[ .-]\d{3}[ .-]\d{4}(?![\w-]|\.\d)|(?<![\w.+-])0\d{9,10}(?![\w-]|\.\d)/g;

const quotedPattern = /"[^"]+"|“[^”]+”/g;

/** Replaces a value that is not shown. */
const maskedValue = '***';

/** The text without addresses and telephone numbers. */
export function maskContacts(text: string): string {
  return text.replace(emailPattern, `${maskedValue}@${maskedValue}`).replace(phonePattern, maskedValue);
}

/** A message about a record: what it quotes is a value of that record, and may be anything, a name above all. */
export function maskMessage(text: string): string {
  return maskContacts(text.replace(quotedPattern, `"${maskedValue}"`));
}
