export const begunStatement = `
SELECT DISTINCT source_id FROM drover.intents WHERE run_id = $1 AND entity = $2 AND source_id = ANY($3::text[])`;

// Upstreams keep keys for a day at least; an hour is left for clocks and for a request that is long on its way. A key
// whose answer is known would only bring that answer again, so the next attempt takes the next one.
const spent = `(i.state <> 'sent' OR i.first_sent_at < now() - interval '23 hours')`;

/**
 * $1 record, $2 epoch, $3 token, $4 lease in ms, $5 run, $6 entity, $7 source id, $8 step, $9 fingerprint, $10 key,
 * $11 kind, $12 object, $13 worker, $14 before-images [{kind, id, before, hash, after}].
 */
export const beginStatement = `
WITH held AS (
  UPDATE drover.records SET lease_until = now() + $4 * interval '1 millisecond'
  WHERE id = $1 AND epoch = $2 AND lease_token = $3 AND status = 'pending' RETURNING id
), image AS (
  INSERT INTO drover.before_images AS b (run_id, entity, source_id, kind, object_id, operation, before, hash, after)
  SELECT $5, $6, $7, x.kind, x.id, 'update', x.before, x.hash, x.after
  FROM held, json_to_recordset($14::json) AS x(kind text, id text, before jsonb, hash text, after jsonb)
  -- The first image is what was there before the run; what was undone since is begun anew from what is there now.
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
  version = i.version + CASE WHEN ${spent} THEN 1 ELSE 0 END,
  idempotency_key = $10::text || '-' || i.version + CASE WHEN ${spent} THEN 1 ELSE 0 END,
  first_sent_at = CASE WHEN ${spent} THEN now() ELSE i.first_sent_at END
RETURNING i.idempotency_key AS key`;

/** $1 run, $2 entity, $3 source id, $4 step, $5 fingerprint, $6 state, $7 object, $8 code, $9 kind it made, $10 hash. */
export const endStatement = `
WITH ended AS (
  UPDATE drover.intents SET state = $6, object_id = coalesce($7::text, object_id), code = $8::text,
    answered_at = CASE WHEN $6 = 'answered' THEN now() END
  WHERE run_id = $1 AND entity = $2 AND source_id = $3 AND step = $4 AND fingerprint = $5 RETURNING 1
)
INSERT INTO drover.before_images (run_id, entity, source_id, kind, object_id, operation, before, hash, after)
SELECT $1, $2, $3, $9::text, $7::text, 'create', NULL, $10::text, '{}' FROM ended WHERE $9::text IS NOT NULL
ON CONFLICT (run_id, entity, source_id, kind, object_id) DO NOTHING`;

/** $1 run, $2 entity, $3 source id, $4 kind, $5 object, $6 hash. */
export const madeStatement = `
INSERT INTO drover.before_images (run_id, entity, source_id, kind, object_id, operation, before, hash, after)
VALUES ($1, $2, $3, $4, $5, 'create', NULL, $6, '{}')
ON CONFLICT (run_id, entity, source_id, kind, object_id) DO NOTHING`;

export const undoableStatement = `
SELECT DISTINCT source_id FROM drover.before_images
WHERE run_id = $1 AND entity = $2 AND source_id > $3 AND undone_at IS NULL ORDER BY source_id LIMIT $4`;
