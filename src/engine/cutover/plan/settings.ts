import { identifier, literal } from '../../../plan/sql.ts';
import type { ExchangePair, PlanContext } from './context.ts';
import { optionSteps } from './options.ts';

/** Owner, storage parameters, row security flags, persistence and comment of the table itself. */
export function planSettings({ draft }: PlanContext, pair: ExchangePair): void {
  const { live, incoming } = pair;
  const alter = (place: 'shape' | 'settings' | 'rights', kind: string, action: string, what: string) =>
    draft.step(place, kind, pair.label, action, `ALTER TABLE ${pair.before} ${what}`);
  if (live.persistence !== incoming.persistence)
    alter('shape', 'persistence', 'as on the live table', live.persistence === 'u' ? 'SET UNLOGGED' : 'SET LOGGED');
  for (const what of optionSteps(live.options, incoming.options))
    alter('settings', 'storage parameters', 'as on the live table', what);
  if (live.owner !== incoming.owner)
    alter('settings', 'owner', `becomes ${live.owner}`, `OWNER TO ${identifier(live.owner)}`);
  else draft.item('owner', pair.label, `stays ${live.owner}`);
  if (live.rowSecurity !== incoming.rowSecurity)
    alter(
      'settings',
      'row security',
      live.rowSecurity ? 'enabled' : 'disabled',
      `${live.rowSecurity ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`,
    );
  if (live.forceRowSecurity !== incoming.forceRowSecurity)
    alter(
      'settings',
      'row security',
      live.forceRowSecurity ? 'forced' : 'not forced',
      `${live.forceRowSecurity ? '' : 'NO '}FORCE ROW LEVEL SECURITY`,
    );
  if (live.comment !== incoming.comment)
    draft.step(
      'settings',
      'comment',
      pair.label,
      'as on the live table',
      `COMMENT ON TABLE ${pair.before} IS ${live.comment === null ? 'NULL' : literal(live.comment)}`,
    );
  if (live.accessMethod !== incoming.accessMethod)
    draft.problems.push(
      `${pair.label}: the incoming table uses access method ${incoming.accessMethod}, the live one ${live.accessMethod}`,
    );
  if (live.tablespace === incoming.tablespace) return;
  draft.differences.push({
    key: `table ${pair.label} tablespace`,
    why: 'the incoming table was made in another tablespace',
  });
  draft.warnings.push(
    `${pair.label}: the incoming table is in tablespace ${incoming.tablespace || 'default'}, the live one in ${live.tablespace || 'default'}`,
  );
}
