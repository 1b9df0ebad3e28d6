import type { Entity, Source, SourceContext } from '../../../plan/contract.ts';
import { loadCatalogue } from '../catalogue.ts';
import { targetSource } from '../target-source.ts';
import { amountOf, textOf } from '../values.ts';
import { recordSchema, uuidOf } from './shape.ts';

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
    const [code, title, price] = [textOf(raw.code), textOf(raw.name), amountOf(raw.price)];
    if (code === null || title === null)
      return { kind: 'reject', code: 'BAD_TEXT', message: 'the catalogue names no course' };
    const id = uuidOf(raw.course_id);
    return { kind: 'row', row: { ...(id === null ? {} : { id }), code, title, price, currency: textOf(raw.currency) } };
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
