import type { CsvFormat } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { IdentityReader } from './records.sql.ts';
import type { IdPair, ReportLedger } from './types.ts';

/** For plans without a format of their own: a column for every key of the records, by name. */
export const defaultCsvFormat: CsvFormat = {
  collectColumns: (columns, raw) => {
    for (const key of Object.keys(raw)) columns.add(key);
  },
  header: (columns) => [...columns].sort(),
  toCsvRow: (raw, header) => header.map((column) => cellOf(raw, column)),
};

/**
 * What the source said, as CSV that a run can start from again. Two passes over the ledger, because the columns are
 * known only when the last record was seen. Formula characters are not escaped: these files are data, and
 * `+63 917` must be read back unchanged.
 */
export async function* exportCsv(
  ledger: Pick<ReportLedger, 'raws'>,
  runId: string,
  entity: string,
  format: CsvFormat = defaultCsvFormat,
): AsyncIterable<string> {
  const columns = new Set<string>();
  for await (const page of ledger.raws(runId, entity)) for (const raw of page) format.collectColumns(columns, raw);
  const header = format.header(columns);
  if (header.length > 0) yield dataLine(header);
  for await (const page of ledger.raws(runId, entity)) {
    yield page.map((raw) => dataLine(format.toCsvRow(raw, header))).join('');
  }
}

function cellOf(raw: JsonObject, column: string): string {
  const value = Object.hasOwn(raw, column) ? raw[column] : null;
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

// An empty cell is quoted, so that a line with one empty column is not an empty line.
function dataLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) => (/[",;\t\r\n]|^\s|\s$|^$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
  return `${quoted.join(',')}\r\n`;
}

/**
 * `{source id: target id}` of everything an entity has in the target: what this run and earlier ones loaded, and then the
 * records of this run that have a target row without having written one: merged into another, or left as they were. What the target says of a record comes first and is not repeated.
 */
export async function* mappingFile(
  identities: IdentityReader,
  scope: string,
  entity: string,
  ofRun: AsyncIterable<readonly IdPair[]>,
): AsyncIterable<string> {
  let separator = '{';
  for await (const page of withoutRepeats(identities, scope, entity, ofRun)) {
    const lines = page.map(({ sourceId, targetId }) => `\n  ${JSON.stringify(sourceId)}: ${JSON.stringify(targetId)}`);
    if (lines.length === 0) continue;
    yield separator + lines.join(',');
    separator = ',';
  }
  yield separator === '{' ? '{}\n' : '\n}\n';
}

async function* withoutRepeats(
  identities: IdentityReader,
  scope: string,
  entity: string,
  ofRun: AsyncIterable<readonly IdPair[]>,
): AsyncIterable<readonly IdPair[]> {
  yield* identities.pairs(scope, entity);
  for await (const page of ofRun) {
    const sourceIds = page.map((pair) => pair.sourceId);
    const known = await identities.known(scope, entity, sourceIds);
    yield page.filter((pair) => !known.has(pair.sourceId));
  }
}
