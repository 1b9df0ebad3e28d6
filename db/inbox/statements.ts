/** $1 token, $2 lease in ms, $3 how many. A look is numbered as it begins, after the events that ask for it were stored. */
export const takeStatement = `
WITH due AS (
  SELECT provider, event_id FROM drover.inbox
  WHERE due_at <= now() AND (lease_until IS NULL OR lease_until < now())
  ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE drover.inbox i SET lease_token = $1, lease_until = now() + $2 * interval '1 millisecond', attempts = attempts + 1
FROM due WHERE i.provider = due.provider AND i.event_id = due.event_id
RETURNING i.provider, i.event_id, i.type, i.object_id, i.account, i.livemode, i.happened_at, i.payload, i.attempts,
  nextval('drover.inbox_looks')::text AS look`;

/**
 * $1 settlements, $2 token, $3 what was seen, $4 look. What was seen is kept only with an event that was still held: that
 * is what makes an event count once. Of two looks at one object the later one stays, whichever is written first.
 */
export const settleStatement = `
WITH told AS (
  SELECT * FROM json_to_recordset($1::json) AS x(provider text, id text, state text, code text, message text,
    effect text, delay_ms float8, object text)
), mine AS (
  UPDATE drover.inbox i SET state = t.state, code = t.code, message = t.message, effect = t.effect,
    due_at = now() + t.delay_ms * interval '1 millisecond',
    settled_at = CASE WHEN t.state IN ('applied', 'ignored') THEN now() END, lease_token = NULL, lease_until = NULL
  FROM told t WHERE i.provider = t.provider AND i.event_id = t.id AND i.lease_token = $2
  RETURNING t.object
), seen AS (
  INSERT INTO drover.observations AS o
    (provider, kind, object_id, plan, entity, target_schema, source_id, target_id, state, differs, look, events)
  SELECT x.provider, x.kind, x.object_id, x.plan, x.entity, x.target_schema, x.source_id, x.target_id, x.state, x.differs,
    $4::bigint, m.n
  FROM json_to_recordset($3::json) AS x(object text, provider text, kind text, object_id text, plan text, entity text,
    target_schema text, source_id text, target_id text, state jsonb, differs text[])
  JOIN (SELECT object, count(*)::int AS n FROM mine WHERE object IS NOT NULL GROUP BY object) m ON m.object = x.object
  -- In one order, so that two who write the same ones do not wait for each other.
  ORDER BY x.object
  ON CONFLICT (provider, kind, object_id) DO UPDATE SET
    events = o.events + excluded.events,
    plan = CASE WHEN excluded.look > o.look THEN excluded.plan ELSE o.plan END,
    entity = CASE WHEN excluded.look > o.look THEN excluded.entity ELSE o.entity END,
    target_schema = CASE WHEN excluded.look > o.look THEN excluded.target_schema ELSE o.target_schema END,
    source_id = CASE WHEN excluded.look > o.look THEN excluded.source_id ELSE o.source_id END,
    target_id = CASE WHEN excluded.look > o.look THEN excluded.target_id ELSE o.target_id END,
    state = CASE WHEN excluded.look > o.look THEN excluded.state ELSE o.state END,
    differs = CASE WHEN excluded.look > o.look THEN excluded.differs ELSE o.differs END,
    observed_at = CASE WHEN excluded.look > o.look THEN now() ELSE o.observed_at END,
    look = greatest(o.look, excluded.look)
)
SELECT count(*)::int AS n FROM mine`;
