/** The values without those that are taken and not kept. */
export function omit<T extends object, K extends keyof T>(values: T, ...names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}
