import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { anomalyRules } from '../../src/contract/bookings.ts';
import { startService, type TestService } from '../helpers/api-service.ts';
import { root } from './layers/tree.ts';

interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface AlertFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[];
}

type Node = string | readonly Node[] | { readonly [name: string]: Node };

interface Line {
  readonly indent: number;
  readonly text: string;
}

const isItem = ({ text }: Line): boolean => text.startsWith('- ');

/** Reads the part of YAML that the file keeps to: maps, lists of maps, and plain or quoted scalars of one line. */
function readYaml(source: string): Node {
  const lines = source
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'))
    .map((line): Line => ({ indent: line.length - line.trimStart().length, text: line.trim() }));
  const [node, rest] = readBlock(lines);
  if (rest.length > 0) throw new Error(`not part of the document: ${rest[0]?.text}`);
  return node;
}

function readBlock(lines: readonly Line[]): readonly [Node, readonly Line[]] {
  const [first] = lines;
  if (first === undefined) throw new Error('a value is missing');
  let rest = lines;
  const isHere = (): boolean => rest[0]?.indent === first.indent && isItem(rest[0]) === isItem(first);
  if (isItem(first)) {
    const items: Node[] = [];
    while (isHere()) {
      const head = { indent: first.indent + 2, text: String(rest[0]?.text).slice(2) };
      const [item, more] = readBlock([head, ...rest.slice(1)]);
      items.push(item);
      rest = more;
    }
    return [items, rest];
  }
  const map: Record<string, Node> = {};
  while (isHere()) {
    const [, name = '', value] = /^(\w+):(?: (.+))?$/.exec(String(rest[0]?.text)) ?? [];
    if (name === '' || name in map) throw new Error(`no field, or one twice: ${rest[0]?.text}`);
    rest = rest.slice(1);
    if (value !== undefined) map[name] = readScalar(value);
    else {
      if ((rest[0]?.indent ?? 0) <= first.indent) throw new Error(`${name} has no value`);
      [map[name], rest] = readBlock(rest);
    }
  }
  return [map, rest];
}

function readScalar(text: string): string {
  const quoted = /^'((?:[^']|'')*)'$/.exec(text)?.[1];
  if (quoted !== undefined) return quoted.replaceAll("''", "'");
  if (text.startsWith('"')) return JSON.parse(text) as string;
  if (/^[\w-]+$/.test(text)) return text;
  throw new Error(`has to be quoted: ${text}`);
}

const file = readYaml(readFileSync(join(root, 'docs/alerts.yml'), 'utf8')) as unknown as AlertFile;
const alerts = file.groups.flatMap(({ rules }) => rules);

let service: TestService;
/** Names of metrics with the kind that /metrics says of each. */
const kinds = new Map<string, string>();
beforeAll(async () => {
  service = await startService();
  const { body } = await service.app.inject({ url: '/metrics', headers: service.as('viewer') });
  for (const [, name, kind] of body.matchAll(/^# TYPE (\w+) (\w+)$/gm)) kinds.set(String(name), String(kind));
});
afterAll(() => service.stop());

test('the file has groups with names of their own, and alerts with names of their own', () => {
  expect(alerts.length).toBeGreaterThanOrEqual(12);
  const names = [...file.groups.map(({ name }) => name), ...alerts.map(({ alert }) => alert)];
  expect(new Set(names).size).toBe(names.length);
});

test('every rule of anomalies has an alert', () => {
  const covered = alerts.flatMap(({ expr }) => /drover_booking_anomalies\{rule="(\w+)"\}/.exec(expr)?.[1] ?? []);
  expect(covered.sort()).toEqual([...anomalyRules].sort());
});

describe.each(alerts.map((alert) => [alert.alert, alert] as const))('%s', (_name, alert) => {
  test('has the fields of an alert and no others', () => {
    expect(Object.keys(alert).sort()).toEqual(['alert', 'annotations', 'expr', 'for', 'labels']);
    expect(alert.alert).toMatch(/^Drover[A-Z]\w+$/);
    expect(alert.for).toMatch(/^\d+[smhd]$/);
    expect(['page', 'ticket']).toContain(alert.labels.severity);
    expect(Object.keys(alert.annotations).sort()).toEqual(['description', 'summary']);
  });

  test('asks metrics that /metrics has', () => {
    const { expr } = alert;
    const named = [...expr.matchAll(/drover_\w+/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !kinds.has(name))).toEqual([]);
    // A rate is of a counter, and a counter is only looked at by its rate.
    for (const name of named) expect(expr.includes(`rate(${name}[`)).toBe(kinds.get(name) === 'counter');
    for (const [open, close] of ['()', '{}', '[]'])
      expect(expr.split(String(open))).toHaveLength(expr.split(String(close)).length);
  });

  test('shows only labels that its expression keeps', () => {
    const shown = Object.values(alert.annotations).flatMap((text) =>
      [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => String(label)),
    );
    const kept = /by \(([^)]*)\)/.exec(alert.expr)?.[1]?.split(/,\s*/) ?? [];
    expect(shown.filter((label) => !kept.includes(label))).toEqual([]);
  });
});
