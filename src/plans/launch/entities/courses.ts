import type { Entity, Source, SourceContext } from '../../../plan/contract.ts';
import type { JsonObject } from '../../../plan/json.ts';
import { loadCatalogue } from '../catalogue.ts';
import { targetSource } from '../target-source.ts';
import { amountOf, createdAtColumn, instantOf, recordSchema, textOf, updatedAtColumn, uuidOf } from '../values.ts';

const soldCoursesSql = `SELECT p.code AS key FROM unnest($4::text[]) AS p(code)
WHERE p.code > $1 AND ($3::text[] IS NULL OR p.code = ANY ($3))
  AND EXISTS (SELECT 1 FROM {schema}.transactions t WHERE t.product_type = p.code) ORDER BY 1 LIMIT $2`;

function coursesSource(context: SourceContext): Source {
  return targetSource(context, async () => {
    const { products, currency } = await loadCatalogue(context.settings.LAUNCH_CATALOGUE);
    const courses = products.filter(({ buyerGets }) => buyerGets.includes('enrollment'));
    return [
      {
        text: soldCoursesSql,
        values: [courses.map(({ code }) => code)],
        record: ({ key }) => {
          const course = courses.find(({ code }) => code === key);
          if (course === undefined) return undefined;
          const { code, name, price, courseId } = course;
          return { sourceId: code, raw: { code, name, price, currency, course_id: courseId ?? null } };
        },
      },
    ];
  });
}

/** The courses of the catalogue that were sold; one that exists keeps the id that the catalogue gives. */
export const courses = {
  title: 'Courses',
  dependsOn: ['transactions', 'manual_payments'],
  readsAfter: ['transactions', 'manual_payments'],
  source: coursesSource,
  schema: recordSchema,
  transform: (raw) => {
    const [code, title, currency] = [textOf(raw.code), textOf(raw.name), textOf(raw.currency)];
    const price = amountOf(raw.price, currency);
    if (price === null && textOf(raw.price) !== null)
      return {
        kind: 'reject',
        code: 'BAD_AMOUNT',
        field: 'price',
        message: 'the price in the catalogue cannot be read',
      };
    if (code === null || title === null)
      return { kind: 'reject', code: 'BAD_TEXT', message: 'the catalogue names no course' };
    const id = uuidOf(raw.course_id);
    return { kind: 'row', row: { ...(id === null ? {} : { id }), code, title, price, currency } };
  },
  target: {
    kind: 'postgres',
    table: 'courses',
    naturalKey: ['code'],
    columns: {
      code: { type: 'text', unique: true },
      title: { type: 'text' },
      price: { type: 'numeric(19,4)', nullable: true },
      currency: { type: 'text', nullable: true },
    },
  },
} satisfies Entity;

// What a person paid for one course, and whether any of it was not refunded.
const boughtCoursesSql = `
SELECT u.id::text AS key, p.id::text AS user_id, course.id::text AS course_id, course.code, sold.transaction_id::text AS transaction_id,
  sold.since, sold.net > 0 AS kept
FROM (SELECT id FROM {schema}.users WHERE id > $1::uuid AND ($3::uuid[] IS NULL OR id = ANY ($3::uuid[])) ORDER BY id LIMIT $2) u
LEFT JOIN LATERAL (
  SELECT t.product_type, (array_agg(t.id ORDER BY t.paid_at, t.id) FILTER (WHERE t.revenue_amount > 0))[1] AS transaction_id,
    min(t.paid_at) FILTER (WHERE t.revenue_amount > 0) AS since, sum(t.revenue_amount) AS net
  FROM {schema}.transactions t WHERE t.user_id = u.id AND t.revenue_amount <> 0 GROUP BY t.product_type
) sold ON true
LEFT JOIN {schema}.courses course ON course.code = sold.product_type
LEFT JOIN {schema}.unified_profiles p ON p.id = u.id
ORDER BY u.id, course.code`;

function enrollmentsSource(context: SourceContext): Source {
  return targetSource(context, async () => [
    {
      text: boughtCoursesSql,
      first: '00000000-0000-0000-0000-000000000000',
      keyOf: (sourceId) => uuidOf(sourceId.split(':')[0]) ?? '00000000-0000-0000-0000-000000000000',
      record: ({ key, since, ...row }) => {
        if (row.course_id === null || row.transaction_id === null) return undefined;
        return {
          sourceId: `${key}:${row.code}`,
          raw: { ...row, since: since instanceof Date ? since.toISOString() : null } as JsonObject,
        };
      },
    },
  ]);
}

/** One for each person and course, with the first payment for it. Where all was given back it is revoked, not left out. */
export const enrollments = {
  title: 'Enrolments',
  dependsOn: ['users', 'unified_profiles', 'transactions', 'courses'],
  readsAfter: ['unified_profiles', 'transactions', 'courses'],
  source: enrollmentsSource,
  schema: recordSchema,
  transform: (raw) => {
    const [user, transaction, course] = [uuidOf(raw.user_id), uuidOf(raw.transaction_id), uuidOf(raw.course_id)];
    if (user === null)
      return {
        kind: 'reject',
        code: 'NO_PROFILE',
        field: 'user_id',
        message: 'the account has no profile to be enrolled',
        missingDependency: true,
      };
    if (transaction === null || course === null) {
      return {
        kind: 'reject',
        code: 'MISSING_REFERENCE',
        field: 'transaction_id',
        message: 'its payment or its course is not there',
        missingDependency: true,
      };
    }
    return {
      kind: 'row',
      row: {
        user_id: user,
        transaction_id: transaction,
        course_id: course,
        product_type: textOf(raw.code),
        status: raw.kept === true ? 'active' : 'revoked',
        enrolled_at: instantOf(raw.since),
      },
    };
  },
  target: {
    kind: 'postgres',
    table: 'enrollments',
    naturalKey: ['user_id', 'course_id'],
    columns: {
      user_id: { type: 'uuid', references: 'unified_profiles' },
      transaction_id: { type: 'uuid', references: 'transactions' },
      course_id: { type: 'uuid', references: 'courses' },
      product_type: { type: 'text', nullable: true, optional: true },
      status: { type: 'text', default: `'active'`, keepExisting: true },
      enrolled_at: { type: 'timestamptz', nullable: true },
      created_at: createdAtColumn,
      updated_at: updatedAtColumn,
    },
  },
} satisfies Entity;
