import type { Clock } from '../../core/clock.ts';
import type { MutableData } from '../../core/control.ts';
import { hashText, type Random } from '../../core/random.ts';
import { type Row, withoutEmpty } from '../row.ts';
import { BUBBLE_TYPES, type BubbleType, isBubbleType } from '../schema.ts';
import { uid } from '../uid.ts';
import { Table } from './table.ts';

export type Rows = Readonly<Record<BubbleType, readonly Row[]>>;

/** The application's things. Tests change them between a client's requests; the API's own writes go through here as well. */
export class BubbleData implements MutableData {
  readonly #tables: ReadonlyMap<BubbleType, Table>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(rows: Rows, clock: Clock, random: Random) {
    this.#tables = new Map(BUBBLE_TYPES.map((type) => [type, new Table(rows[type])]));
    this.#clock = clock;
    this.#random = random;
  }

  table(type: string): Table {
    const table = isBubbleType(type) ? this.#tables.get(type) : undefined;
    if (table === undefined) throw new RangeError(`no type "${type}"; there are ${BUBBLE_TYPES.join(', ')}`);
    return table;
  }

  counts(): Record<BubbleType, number> {
    return Object.fromEntries(BUBBLE_TYPES.map((type) => [type, this.table(type).size])) as Record<BubbleType, number>;
  }

  ids(type: BubbleType): string[] {
    return this.table(type).ids();
  }

  get(type: string, id: string): Row | undefined {
    return this.table(type).get(id);
  }

  /** Adds a thing. `_id` and dates may be given, unlike through the API; they default to a new id and now. */
  insert(type: string, fields: Readonly<Record<string, unknown>>): string {
    const now = this.#clock.now();
    const date = new Date(now).toISOString();
    const defaults = { _id: uid(now, this.#random), 'Created Date': date, 'Modified Date': date };
    const row = { ...defaults, ...withoutEmpty(fields) } as Row;
    this.table(type).put(row);
    return row._id;
  }

  /** Changes fields of a thing; empty values remove them. `Modified Date` becomes now unless given. False when there is no such thing. */
  modify(type: string, id: string, changes: Readonly<Record<string, unknown>>): boolean {
    const row = this.get(type, id);
    if (row === undefined) return false;
    const merged = { ...row, 'Modified Date': this.#clock.iso(), ...changes, _id: id };
    this.table(type).put(withoutEmpty(merged) as Row);
    return true;
  }

  delete(type: string, id: string): boolean {
    return this.table(type).delete(id);
  }
}

/** Whether the privacy rules keep a thing from a user token: a fixed share, chosen by the id alone. */
export function isHidden(id: string, share: number): boolean {
  return share > 0 && hashText(id) / 0x1_0000_0000 < share;
}
