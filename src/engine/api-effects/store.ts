import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { JsonObject } from '../../plan/json.ts';
import { fingerprint } from '../ledger/hashes.ts';
import type { EffectStore, IntentResult, LeasedRecord, NewIntent, StoredImage } from './effects.ts';

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

const imagesSql = `
SELECT id::text AS row, source_id, kind, object_id, operation, before, after, hash FROM drover.before_images
WHERE run_id = $1 AND entity = $2 AND source_id = $3 AND undone_at IS NULL ORDER BY id`;

// By the runs of the schema, so that each is one look-up in the unique index of the images.
const newerWriterSql = `
SELECT n.run_id FROM drover.runs own
JOIN drover.runs r ON r.plan = own.plan AND r.target_schema = own.target_schema AND r.created_at > own.created_at
JOIN drover.before_images n ON n.run_id = r.id AND n.entity = $2 AND n.source_id = $3 AND n.kind = $4
  AND n.object_id = $5 AND n.undone_at IS NULL
WHERE own.id = $1 ORDER BY r.created_at DESC LIMIT 1`;

/** Intents and before-images, over a pool with synchronous commit. */
export function createEffectStore(pool: pg.Pool): EffectStore {
  return {
    async startedSourceIds(runId, entity, sourceIds) {
      const rows = await queryPrepared<{ source_id: string }>(pool, 'effects_begun', startedSourceIdsSql, [
        runId,
        entity,
        sourceIds,
      ]);
      return new Set(rows.map((row) => row.source_id));
    },
    async beginIntent(leased, worker, intent) {
      const rows = await queryPrepared<{ key: string }>(
        pool,
        'effects_begin',
        beginIntentSql,
        beginValues(leased, worker, intent),
      );
      return rows[0]?.key;
    },
    async completeIntent(leased, intent, end) {
      await queryPrepared(pool, 'effects_end', completeIntentSql, endValues(leased, intent, end));
    },
    async saveCreated({ record: { runId, entity, sourceId } }, { kind, id }) {
      await queryPrepared(pool, 'effects_made', saveCreatedSql, [
        runId,
        entity,
        sourceId,
        kind,
        id,
        beforeImageHash(null),
      ]);
    },
    async undoable(runId, entity, after, limit) {
      const values = [runId, entity, after, limit];
      const rows = await queryPrepared<{ source_id: string }>(pool, undefined, undoableSql, values);
      return rows.map((row) => row.source_id);
    },
    async images(runId, entity, sourceId) {
      const rows = await queryPrepared<ImageRow>(pool, undefined, imagesSql, [runId, entity, sourceId]);
      return rows.map(imageOf);
    },
    async newerWriter(runId, entity, { sourceId, kind, id }) {
      const values = [runId, entity, sourceId, kind, id];
      const rows = await queryPrepared<{ run_id: string }>(pool, undefined, newerWriterSql, values);
      return rows[0]?.run_id;
    },
    async markUndone(row) {
      await queryPrepared(pool, undefined, 'UPDATE drover.before_images SET undone_at = now() WHERE id = $1', [row]);
    },
  };
}

function beginValues({ record, token, leaseMs }: LeasedRecord, worker: string, intent: NewIntent): unknown[] {
  const images = intent.changes.map(({ object: { kind, id }, before, after }) => {
    return { kind, id, before, hash: beforeImageHash(before), after };
  });
  return [
    ...[record.id, record.epoch, token, leaseMs, record.runId, record.entity, record.sourceId],
    ...[intent.step, intent.fingerprint, intent.keyBase, intent.objectKind, intent.objectId, worker],
    JSON.stringify(images),
  ];
}

function endValues({ record }: LeasedRecord, intent: NewIntent, end: IntentResult): unknown[] {
  const answered = end.state === 'answered';
  return [
    ...[record.runId, record.entity, record.sourceId, intent.step, intent.fingerprint, end.state],
    ...[answered ? end.objectId : null, answered ? null : end.code, answered && end.made ? intent.objectKind : null],
    beforeImageHash(null),
  ];
}

function imageOf(row: ImageRow): StoredImage {
  const { kind, operation, before, after, hash } = row;
  return { row: row.row, sourceId: row.source_id, kind, id: row.object_id, operation, before, after, hash };
}

const startedSourceIdsSql = `
SELECT DISTINCT source_id FROM drover.intents WHERE run_id = $1 AND entity = $2 AND source_id = ANY($3::text[])`;

// Upstreams keep keys for a day at least; one hour is left for clock differences and slow requests. A key with a known
// response would only return that response again, so the next attempt uses a new key.
const keyIsSpentSql = `(i.state <> 'sent' OR i.first_sent_at < now() - interval '23 hours')`;

/**
 * $1 record, $2 epoch, $3 token, $4 lease in ms, $5 run, $6 entity, $7 source id, $8 step, $9 fingerprint, $10 key,
 * $11 kind, $12 object, $13 worker, $14 before-images [{kind, id, before, hash, after}].
 */
const beginIntentSql = `
WITH held AS (
  UPDATE drover.records SET lease_until = now() + $4 * interval '1 millisecond'
  WHERE id = $1 AND epoch = $2 AND lease_token = $3 AND status = 'pending' RETURNING id
), image AS (
  INSERT INTO drover.before_images AS b (run_id, entity, source_id, kind, object_id, operation, before, hash, after)
  SELECT $5, $6, $7, x.kind, x.id, 'update', x.before, x.hash, x.after
  FROM held, json_to_recordset($14::json) AS x(kind text, id text, before jsonb, hash text, after jsonb)
  -- The first image is the state before the run; after an undo the image starts again from the current state.
  ON CONFLICT (run_id, entity, source_id, kind, object_id) DO UPDATE SET
    before = CASE WHEN b.undone_at IS NULL THEN b.before ELSE excluded.before END,
    hash = CASE WHEN b.undone_at IS NULL THEN b.hash ELSE excluded.hash END,
    operation = CASE WHEN b.undone_at IS NULL THEN b.operation ELSE 'update' END,
    after = CASE WHEN b.undone_at IS NULL THEN b.after || excluded.after ELSE excluded.after END,
    undone_at = NULL
)
INSERT INTO drover.intents AS i
  (run_id, entity, source_id, step, fingerprint, idempotency_key, state, object_kind, object_id, worker)
SELECT $5, $6, $7, $8, $9, $10::text || '-1', 'sent', $11, $12::text, $13 FROM held
ON CONFLICT (run_id, entity, source_id, step, fingerprint) DO UPDATE SET
  attempts = i.attempts + 1, state = 'sent', code = NULL, answered_at = NULL, sent_at = now(), worker = excluded.worker,
  version = i.version + CASE WHEN ${keyIsSpentSql} THEN 1 ELSE 0 END,
  idempotency_key = $10::text || '-' || i.version + CASE WHEN ${keyIsSpentSql} THEN 1 ELSE 0 END,
  first_sent_at = CASE WHEN ${keyIsSpentSql} THEN now() ELSE i.first_sent_at END
RETURNING i.idempotency_key AS key`;

/** $1 run, $2 entity, $3 source id, $4 step, $5 fingerprint, $6 state, $7 object, $8 code, $9 kind created, $10 hash. */
const completeIntentSql = `
WITH ended AS (
  UPDATE drover.intents SET state = $6, object_id = coalesce($7::text, object_id), code = $8::text,
    answered_at = CASE WHEN $6 = 'answered' THEN now() END
  WHERE run_id = $1 AND entity = $2 AND source_id = $3 AND step = $4 AND fingerprint = $5 RETURNING 1
)
INSERT INTO drover.before_images (run_id, entity, source_id, kind, object_id, operation, before, hash, after)
SELECT $1, $2, $3, $9::text, $7::text, 'create', NULL, $10::text, '{}' FROM ended WHERE $9::text IS NOT NULL
ON CONFLICT (run_id, entity, source_id, kind, object_id) DO NOTHING`;

/** $1 run, $2 entity, $3 source id, $4 kind, $5 object, $6 hash. */
const saveCreatedSql = `
INSERT INTO drover.before_images (run_id, entity, source_id, kind, object_id, operation, before, hash, after)
VALUES ($1, $2, $3, $4, $5, 'create', NULL, $6, '{}')
ON CONFLICT (run_id, entity, source_id, kind, object_id) DO NOTHING`;

const undoableSql = `
SELECT DISTINCT source_id FROM drover.before_images
WHERE run_id = $1 AND entity = $2 AND source_id > $3 AND undone_at IS NULL ORDER BY source_id LIMIT $4`;

/** The hash by which a before-image is verified before it is restored. */
const beforeImageHash = (before: JsonObject | null): string => fingerprint(before);
