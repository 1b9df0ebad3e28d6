import type pg from 'pg';
import type { EffectStore, Held, IntentEnd, NewIntent, StoredImage } from '../../src/engine/effects/ports.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { prepared, type Row } from '../sql.ts';
import { hashOf } from './hash.ts';
import { beginStatement, begunStatement, endStatement, madeStatement, undoableStatement } from './statements.ts';

interface ImageRow extends Row {
  readonly row: string;
  readonly source_id: string;
  readonly kind: string;
  readonly object_id: string;
  readonly operation: 'create' | 'update';
  readonly before: JsonObject | null;
  readonly after: JsonObject;
  readonly hash: string;
}

const images = `
SELECT id::text AS row, source_id, kind, object_id, operation, before, after, hash FROM drover.before_images
WHERE run_id = $1 AND entity = $2 AND source_id = $3 AND undone_at IS NULL ORDER BY id`;

/** Intents and before-images, over a pool whose commits are waited for. */
export function createEffectStore(pool: pg.Pool): EffectStore {
  return {
    async begun(runId, entity, sourceIds) {
      const rows = await prepared<{ source_id: string }>(pool, 'effects_begun', begunStatement, [
        runId,
        entity,
        sourceIds,
      ]);
      return new Set(rows.map((row) => row.source_id));
    },
    async begin(held, worker, intent) {
      const rows = await prepared<{ key: string }>(
        pool,
        'effects_begin',
        beginStatement,
        beginValues(held, worker, intent),
      );
      return rows[0]?.key;
    },
    async end(held, intent, end) {
      await prepared(pool, 'effects_end', endStatement, endValues(held, intent, end));
    },
    async made({ record: { runId, entity, sourceId } }, { kind, id }) {
      await prepared(pool, 'effects_made', madeStatement, [runId, entity, sourceId, kind, id, hashOf(null)]);
    },
    async undoable(runId, entity, after, limit) {
      const values = [runId, entity, after, limit];
      const rows = await prepared<{ source_id: string }>(pool, undefined, undoableStatement, values);
      return rows.map((row) => row.source_id);
    },
    async images(runId, entity, sourceId) {
      const rows = await prepared<ImageRow>(pool, undefined, images, [runId, entity, sourceId]);
      return rows.map(imageOf);
    },
    async undone(row) {
      await prepared(pool, undefined, 'UPDATE drover.before_images SET undone_at = now() WHERE id = $1', [row]);
    },
  };
}

function beginValues({ record, token, leaseMs }: Held, worker: string, intent: NewIntent): unknown[] {
  const images = intent.changes.map(({ object: { kind, id }, before, after }) => {
    return { kind, id, before, hash: hashOf(before), after };
  });
  return [
    ...[record.id, record.epoch, token, leaseMs, record.runId, record.entity, record.sourceId],
    ...[intent.step, intent.fingerprint, intent.keyBase, intent.objectKind, intent.objectId, worker],
    JSON.stringify(images),
  ];
}

function endValues({ record }: Held, intent: NewIntent, end: IntentEnd): unknown[] {
  const answered = end.state === 'answered';
  return [
    ...[record.runId, record.entity, record.sourceId, intent.step, intent.fingerprint, end.state],
    ...[answered ? end.objectId : null, answered ? null : end.code, answered && end.made ? intent.objectKind : null],
    hashOf(null),
  ];
}

function imageOf(row: ImageRow): StoredImage {
  const { kind, operation, before, after, hash } = row;
  return { row: row.row, sourceId: row.source_id, kind, id: row.object_id, operation, before, after, hash };
}
