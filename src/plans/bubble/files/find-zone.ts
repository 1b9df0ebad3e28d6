import { type CsvSourceOptions, csvRecords } from '../../../sources/csv/csv-source.ts';
import type { CsvZone } from './csv-note.ts';
import { inferZone } from './infer-zone.ts';
import { createZoneEvidence } from './zone-evidence.ts';

// When none of so many rows has a creation date without a zone, the file is not in the format of Bubble's own export.
const enough = 1000;

/** The zone of a file's dates, as its creation dates and unique ids tell it. Throws CONFIGURATION when they disagree. */
export async function findZone(file: CsvSourceOptions, signal: AbortSignal): Promise<CsvZone | undefined> {
  const evidence = createZoneEvidence();
  let rows = 0;
  for await (const { sourceId, raw } of csvRecords(file, signal)) {
    evidence.add(sourceId, raw);
    if (++rows === enough && evidence.result().rows === 0) return undefined;
  }
  return inferZone(file.path, evidence.result());
}
