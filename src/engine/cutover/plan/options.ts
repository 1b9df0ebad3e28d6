import { identifier, literal } from '../../../plan/sql.ts';

/** `SET (…)` and `RESET (…)` that turn one list of `name=value` options into another; nothing when they agree. */
export function optionSteps(wanted: readonly string[], present: readonly string[]): string[] {
  const target = new Map(wanted.map(splitOption));
  const current = new Map(present.map(splitOption));
  const set = [...target].filter(([name, value]) => current.get(name) !== value);
  const reset = [...current.keys()].filter((name) => !target.has(name));
  return [
    ...(set.length > 0 ? [`SET (${set.map(assignment).join(', ')})`] : []),
    ...(reset.length > 0 ? [`RESET (${reset.map(optionName).join(', ')})`] : []),
  ];
}

/** ` WITH (…)` for a statement that makes a relation. */
export function withOptions(options: readonly string[]): string {
  return options.length === 0 ? '' : ` WITH (${options.map((option) => assignment(splitOption(option))).join(', ')})`;
}

function splitOption(option: string): [string, string] {
  const at = option.indexOf('=');
  return at < 0 ? [option, 'true'] : [option.slice(0, at), option.slice(at + 1)];
}

function assignment([name, value]: [string, string]): string {
  return `${optionName(name)} = ${literal(value)}`;
}

// toast.autovacuum_enabled is two names.
function optionName(name: string): string {
  return name.split('.').map(identifier).join('.');
}
