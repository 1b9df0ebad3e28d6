import { stat } from 'node:fs/promises';
import { type CsvSourceOptions, csvRecords } from '../../../sources/csv/csv-source.ts';
import type { CsvZone } from './csv-note.ts';
import { inferZone } from './infer-zone.ts';
import { createZoneEvidence } from './zone-evidence.ts';

// When none of so many rows has a creation date without a zone, the file is not in the format of Bubble's own export.
const sampleSize = 1000;

// Single records are fetched from a file by reading it from its beginning; its zone is the same every time.
const maxCachedZones = 64;
const zoneCache = new Map<string, CsvZone | undefined>();

/** The zone of a file's dates, as its creation dates and unique ids tell it. Throws CONFIGURATION when they disagree. */
export async function detectZone(file: CsvSourceOptions, signal: AbortSignal): Promise<CsvZone | undefined> {
  // Whoever reads the file next says it better when it is not there.
  const state = await stat(file.path).catch(() => undefined);
  const key = `${file.path}\n${state?.size}\n${state?.mtimeMs}\n${file.idColumns.join('\n')}`;
  if (zoneCache.has(key)) return zoneCache.get(key);
  const zone = await detectZoneFromRows(file, signal);
  if (zoneCache.size >= maxCachedZones) zoneCache.clear();
  zoneCache.set(key, zone);
  return zone;
}

async function detectZoneFromRows(file: CsvSourceOptions, signal: AbortSignal): Promise<CsvZone | undefined> {
  const evidence = createZoneEvidence();
  let rows = 0;
  for await (const { sourceId, raw } of csvRecords(file, signal)) {
    evidence.add(sourceId, raw);
    if (++rows === sampleSize && evidence.result().rows === 0) return undefined;
  }
  return inferZone(file.path, evidence.result());
}
