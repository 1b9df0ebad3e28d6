/**
 * Joins the identity of a source id, `i`. $1 scope, $2 entity. One look-up a record, whatever the planner believes:
 * while the table has no statistics it takes scope and entity for names of a single row, reads the whole entity once and
 * compares it with every record (measured: 0.9 s for 500 records among 20,000). OFFSET 0 leaves it no choice.
 */
export const joinIdentitySql = (sourceId: string): string => `LEFT JOIN LATERAL (
  SELECT * FROM drover.identities d WHERE d.scope = $1 AND d.entity = $2 AND d.source_id = ${sourceId} OFFSET 0
) i ON true`;
