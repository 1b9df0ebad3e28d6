import { DroverError } from '../../errors.ts';

const hoursPerUnit = { h: 1, d: 24, w: 168 } as const;

/** Hours in an age such as `30d`. Throws BAD_REQUEST. */
export function parseAgeHours(age: string): number {
  const [, number = '', unit = ''] = /^(\d{1,5})([hdw])$/.exec(age) ?? [];
  if (number !== '') return Number(number) * hoursPerUnit[unit as keyof typeof hoursPerUnit];
  throw new DroverError('BAD_REQUEST', `${age} is no age`, { remedy: 'Write it as 12h, 30d or 8w.' });
}
