/**
 * The columns of a table that can be written, `a` of pg_attribute, and what each gets out of an image `b`. An image cannot tell a
 * JSON null from no value, so where the column takes none it was the former.
 */
export const writableColumnSql = "a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''";
export const imageColumnSql = `CASE WHEN a.attnotnull AND a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
        THEN format($q$coalesce(b.%I, 'null')$q$, a.attname) ELSE format('b.%I', a.attname) END`;
