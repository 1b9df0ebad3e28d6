/** What the oracle found wrong. */
export interface Finding {
  readonly lost: number;
  readonly doubled: number;
  /** In words, the first few of each kind. */
  readonly problems: readonly string[];
}

const shownItems = 5;

export function combineFindings(findings: readonly Finding[]): Finding {
  return {
    lost: findings.reduce((sum, one) => sum + one.lost, 0),
    doubled: findings.reduce((sum, one) => sum + one.doubled, 0),
    problems: findings.flatMap((one) => one.problems),
  };
}

/** A line that names how many there are and shows some. */
export function describeItems(what: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const rest = items.length > shownItems ? `, and ${items.length - shownItems} more` : '';
  return [`${items.length} ${what}: ${items.slice(0, shownItems).join(', ')}${rest}`];
}

/** Items by key. */
export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}
