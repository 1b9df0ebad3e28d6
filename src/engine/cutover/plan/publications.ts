import { identifier } from '../../../plan/sql.ts';
import type { PlanContext } from './context.ts';

/** A publication names tables by oid: the old one leaves it, the new one enters with the same columns and filter. */
export function planPublications({ draft, catalog, pairs }: PlanContext): void {
  for (const member of catalog.publications) {
    const pair = pairs.find((one) => one.live.oid === member.tableOid);
    const staged = pairs.find((one) => one.incoming.oid === member.tableOid);
    const name = identifier(member.publication);
    if (staged && !pair)
      draft.statement(
        'clear',
        `publication ${member.publication}`,
        'the incoming table leaves it',
        `ALTER PUBLICATION ${name} DROP TABLE ${staged.before}`,
      );
    if (!pair) continue;
    const object = `${member.publication} ${pair.label}`;
    if (member.covers !== 'table') {
      draft.item(
        'publication',
        object,
        `covers every table of its ${member.covers === 'schema' ? 'schema' : 'database'}: the new one too`,
      );
      continue;
    }
    draft.step(
      'letGo',
      'publication',
      object,
      'the new table takes the place of the old one',
      `ALTER PUBLICATION ${name} DROP TABLE ${pair.after}`,
    );
    draft.statement(
      'publish',
      `publication ${object}`,
      'the new table enters',
      `ALTER PUBLICATION ${name} ADD TABLE ${pair.after}${member.tail}`,
    );
    draft.warnings.push(
      `${member.publication}: subscribers keep the old rows of ${pair.label}; refresh and copy there after the cutover`,
    );
  }
}
