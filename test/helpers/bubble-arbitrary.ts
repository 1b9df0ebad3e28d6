import fc from 'fast-check';
import type { Json, JsonObject } from '../../src/plan/json.ts';
import type { EntityName } from '../../src/plans/bubble/entity-names.ts';
import { fieldMap } from '../../src/plans/bubble/field-map.ts';
import { validRows } from './bubble-rows.ts';

// Values that parsers accept, and similar ones.
const awkward = fc.constantFrom<Json>(
  ...['', ' ', 'NULL', 'null', 'yes', 'no', 'seeker', 'coach,client', 'complete', 'success', 'usd', 'A@B.c', '$120/hr'],
  ...['120,00', '1,234', '1,234.50', '1e5', '1e999', '-0', 'NaN', '٣', '9'.repeat(70), '2024-02-30', '0000-09-21'],
  ...['Jan 5, 2024 3:04 pm', '2024-01-05 15:04:05', '2024-03-31 02:30', '2024-10-27 02:30', '(UTC+2)', '1704438240123'],
  ...[
    'a , b',
    '["a","a"]',
    "['a', None]",
    '[',
    '{"a":',
    '"\\"x\\""',
    '{"n":12345678901234567890}',
    '//cdn.x/y',
    '\0',
    '\ud800',
  ],
  ...['$2b$12$6hkgxDvIJOYUVpXosEqmGOw7CH.Wc.mD1jg4Qhgd1XEsj6KIjeqGe', 'd41d8cd98f00b204e9800998ecf8427e'],
  ...[0, -0, 1, -1, 25, 500, 500.01, 60, 2 ** 31, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 0.1 + 0.2, true, false, null],
  ...[
    [],
    {},
    [[]],
    ['a', 1, null],
    { email: { email: 'x@y.z', email_confirmed: 'yes' } },
    { Google: { email: 'g@y.z' } },
  ],
);

const value = fc.oneof(
  { weight: 3, arbitrary: awkward },
  { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<Json> },
);

/** Rows with the plan's field names, some of them valid. */
export function mutatedRow(entity: EntityName): fc.Arbitrary<JsonObject> {
  const names = [
    ...new Set(Object.values(fieldMap[entity]).flatMap(({ from }) => from.map((name) => name.split('.')[0] ?? ''))),
  ];
  const changes = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 });
  return fc.oneof(
    changes.map((change) => ({ ...validRows[entity], ...change })),
    fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value),
  );
}
