import { emailKey } from '../../../email.ts';
import type { Entity, Source, SourceContext } from '../../../plan/contract.ts';
import type { JsonObject } from '../../../plan/json.ts';
import { loadCatalogue, normalizedText } from '../catalogue.ts';
import { peoplePageSql } from '../people.ts';
import { targetSource } from '../target-source.ts';
import { createdAtColumn, instantOf, objectOf, recordSchema, textOf, updatedAtColumn, uuidOf } from '../values.ts';

function affiliatesSource(context: SourceContext): Source {
  return targetSource(context, async () => {
    const { affiliateTags } = await loadCatalogue(context.settings.LAUNCH_CATALOGUE);
    return [
      {
        text: peoplePageSql(
          ', p.id::text AS user_id',
          'LEFT JOIN {schema}.unified_profiles p ON p.email = c.email_key',
        ),
        values: [affiliateTags.map(normalizedText)],
        record: ({ key, ...row }) => ({ sourceId: key, raw: row as JsonObject }),
      },
    ];
  });
}

/** People who sell for the business: contacts with the tag who have a profile. */
export const affiliates = {
  title: 'Affiliates',
  dependsOn: ['unified_profiles'],
  readsAfter: ['unified_profiles'],
  source: affiliatesSource,
  schema: recordSchema,
  transform: (raw) => {
    const [user, contact] = [uuidOf(raw.user_id), objectOf(raw.contact)];
    if (user === null)
      return {
        kind: 'reject',
        code: 'AFFILIATE_WITHOUT_PROFILE',
        field: 'user_id',
        message: 'the affiliate has bought nothing that comes with a profile',
        missingDependency: true,
      };
    const at = instantOf(contact.created_at);
    return {
      kind: 'row',
      row: { user_id: user, systemeio_id: textOf(contact.contact_id), status: 'active', created_at: at },
    };
  },
  target: {
    kind: 'postgres',
    table: 'affiliates',
    naturalKey: ['user_id'],
    columns: {
      user_id: { type: 'uuid', unique: true, references: 'unified_profiles' },
      systemeio_id: { type: 'text', nullable: true, optional: true },
      status: { type: 'text', default: `'active'`, keepExisting: true },
      created_at: createdAtColumn,
      updated_at: updatedAtColumn,
    },
  },
} satisfies Entity;

const linkedAffiliatesSql = `SELECT a.id::text AS key, p.id::text AS user_id, p.email FROM {schema}.affiliates a
JOIN {schema}.unified_profiles p ON p.id = a.user_id
WHERE a.id > $1::uuid AND ($3::uuid[] IS NULL OR a.id = ANY ($3::uuid[])) ORDER BY a.id LIMIT $2`;

/**
 * The way back: a profile names its affiliate, which names its profile. Neither can come first with both, so profiles are
 * loaded without, affiliates with theirs, and then this adds the one column.
 */
export const profileAffiliates = {
  title: 'Profiles’ affiliates',
  dependsOn: ['unified_profiles', 'affiliates'],
  readsAfter: ['affiliates'],
  source: (context: SourceContext) =>
    targetSource(context, async () => [
      {
        text: linkedAffiliatesSql,
        first: '00000000-0000-0000-0000-000000000000',
        keyOf: (sourceId) => uuidOf(sourceId) ?? '00000000-0000-0000-0000-000000000000',
        record: ({ key, ...row }) => ({ sourceId: key, raw: { ...row, affiliate_id: key } as JsonObject }),
      },
    ]),
  schema: recordSchema,
  transform: (raw) => {
    const [id, affiliate, email] = [uuidOf(raw.user_id), uuidOf(raw.affiliate_id), emailKey(raw.email)];
    if (id === null || affiliate === null || email === null) {
      return {
        kind: 'reject',
        code: 'MISSING_REFERENCE',
        field: 'affiliate_id',
        message: 'the profile or its affiliate is not there',
        missingDependency: true,
      };
    }
    return { kind: 'row', row: { id, email, affiliate_id: affiliate } };
  },
  target: {
    kind: 'postgres',
    table: 'unified_profiles',
    naturalKey: ['email'],
    columns: {
      email: { type: 'text', compareAs: 'email' },
      affiliate_id: { type: 'uuid', nullable: true, references: 'affiliates' },
    },
  },
} satisfies Entity;
