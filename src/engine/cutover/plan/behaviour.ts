import { identifier, literal } from '../../../plan/sql.ts';
import type { Policy, Rule, Trigger } from '../catalog.ts';
import type { ExchangePair, PlanContext } from './draft.ts';
import { quoteRole } from './grants.ts';

const enabledStates: Record<string, string> = { D: 'DISABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' };

/** Triggers: those of the live table are created on the new table; its own stay. */
export function planTriggers({ draft }: PlanContext, pair: ExchangePair): void {
  const mine = pair.incoming.triggers.filter((trigger) => !trigger.capture);
  const same = (a: Trigger, b: Trigger) =>
    a.name === b.name &&
    a.enabled === b.enabled &&
    a.comment === b.comment &&
    a.definition.replace(` ON ${deparsedName(pair.live)} `, ' ON ') ===
      b.definition.replace(` ON ${deparsedName(pair.incoming)} `, ' ON ');
  for (const live of pair.live.triggers.filter((trigger) => !trigger.capture)) {
    const object = `${pair.label} ${live.name}`;
    const present = mine.find((one) => one.name === live.name);
    if (present && same(live, present)) {
      draft.item('trigger', object, 'already on the incoming table');
      continue;
    }
    if (present)
      draft.statement(
        'clear',
        `trigger ${object}`,
        'dropped: replaced by the live one',
        `DROP TRIGGER ${identifier(live.name)} ON ${pair.before}`,
      );
    const early = definitionOn(live, pair);
    const place = early === undefined ? 'behaviour' : 'equip';
    const table = early === undefined ? pair.after : pair.before;
    draft.step(place, 'trigger', object, 'recreated on the new table', early ?? live.definition);
    const state = enabledStates[live.enabled];
    if (state)
      draft.statement(
        place,
        `trigger ${object}`,
        state.toLowerCase(),
        `ALTER TABLE ${table} ${state} TRIGGER ${identifier(live.name)}`,
      );
    if (live.comment !== null)
      draft.statement(
        place,
        `trigger ${object}`,
        'comment',
        `COMMENT ON TRIGGER ${identifier(live.name)} ON ${table} IS ${literal(live.comment)}`,
      );
  }
  for (const one of mine.filter((trigger) => !pair.live.triggers.some((live) => live.name === trigger.name))) {
    draft.item('trigger', `${pair.label} ${one.name}`, 'only on the incoming table: kept');
    draft.differences.push({ key: `trigger ${pair.label} ${one.name}`, why: 'new with the incoming table' });
  }
}

/**
 * The trigger's text on the incoming table, so that it can be made before the locks; undefined where the text does not say
 * plainly where its table stands, or may name another table of the set (a constraint trigger FROM it).
 */
function definitionOn({ definition }: Trigger, { live, before }: ExchangePair): string | undefined {
  const parts = definition.split(` ON ${deparsedName(live)} `);
  return parts.length === 2 && !parts[1]?.includes('FROM ') ? parts.join(` ON ${before} `) : undefined;
}

// As format('%I') writes it: quotes only where they are needed. A name that needs them and is not found is made anew.
function deparsedName(name: { readonly schema: string; readonly name: string }): string {
  return [name.schema, name.name].map((part) => (/^[a-z_][a-z0-9_]*$/.test(part) ? part : identifier(part))).join('.');
}

/** Policies are exactly the live table's. Their text names other tables, so they are created after the renames. */
export function planPolicies({ draft }: PlanContext, pair: ExchangePair): void {
  for (const policy of pair.incoming.policies)
    draft.statement(
      'clear',
      `policy ${pair.label} ${policy.name}`,
      'taken off the incoming table',
      `DROP POLICY ${identifier(policy.name)} ON ${pair.before}`,
    );
  for (const policy of pair.live.policies) {
    draft.step(
      'behaviour',
      'policy',
      `${pair.label} ${policy.name}`,
      'recreated on the new table',
      policySql(pair.after, policy),
    );
    if (policy.comment !== null)
      draft.statement(
        'behaviour',
        `policy ${pair.label} ${policy.name}`,
        'comment',
        `COMMENT ON POLICY ${identifier(policy.name)} ON ${pair.after} IS ${literal(policy.comment)}`,
      );
  }
}

function policySql(table: string, policy: Policy): string {
  const using = policy.using === null ? '' : ` USING (${policy.using})`;
  const check = policy.check === null ? '' : ` WITH CHECK (${policy.check})`;
  const kind = policy.permissive ? 'PERMISSIVE' : 'RESTRICTIVE';
  return `CREATE POLICY ${identifier(policy.name)} ON ${table} AS ${kind} FOR ${policy.command} TO ${policy.roles.map(quoteRole).join(', ')}${using}${check}`;
}

/** Rules: as triggers, but always recreated, since their text may name any table of the set. */
export function planRules({ draft }: PlanContext, pair: ExchangePair): void {
  const known = new Set(pair.live.rules.map((rule) => rule.name));
  for (const rule of pair.incoming.rules) {
    if (known.has(rule.name))
      draft.statement(
        'clear',
        `rule ${pair.label} ${rule.name}`,
        'dropped: replaced by the live one',
        `DROP RULE ${identifier(rule.name)} ON ${pair.before}`,
      );
    else addIncomingRule(draft, pair, rule);
  }
  for (const rule of pair.live.rules) {
    draft.step('behaviour', 'rule', `${pair.label} ${rule.name}`, 'recreated on the new table', rule.definition);
    const state = enabledStates[rule.enabled];
    if (state)
      draft.statement(
        'behaviour',
        `rule ${pair.label} ${rule.name}`,
        state.toLowerCase(),
        `ALTER TABLE ${pair.after} ${state} RULE ${identifier(rule.name)}`,
      );
    if (rule.comment !== null)
      draft.statement(
        'behaviour',
        `rule ${pair.label} ${rule.name}`,
        'comment',
        `COMMENT ON RULE ${identifier(rule.name)} ON ${pair.after} IS ${literal(rule.comment)}`,
      );
  }
}

function addIncomingRule(draft: PlanContext['draft'], pair: ExchangePair, rule: Rule): void {
  draft.item('rule', `${pair.label} ${rule.name}`, 'only on the incoming table: kept');
  draft.differences.push({ key: `rule ${pair.label} ${rule.name}`, why: 'new with the incoming table' });
}

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
