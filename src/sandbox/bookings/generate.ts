import { z } from 'zod';
import { Random } from '../core/random.ts';
import { makePerson, type Person, spellAddress } from './people.ts';

export const bookingsOptionsSchema = z.strictObject({
  rows: z.int().min(1).max(10_000_000).default(50_000),
  /** How many people book; some of them never do. Default: a fifth of the rows. */
  people: z.int().min(1).exactOptional(),
  seed: z.int().default(7),
  /** How dirty: 1 as usual, 0 clean. */
  dirt: z.number().min(0).max(5).default(1),
  contactType: z.enum(['jsonb', 'text']).default('jsonb'),
  amountType: z.enum(['numeric', 'double']).default('numeric'),
  idType: z.enum(['int', 'uuid', 'text']).default('int'),
});

export type BookingsOptions = z.input<typeof bookingsOptionsSchema>;
type Config = z.output<typeof bookingsOptionsSchema>;

/** Why a booking names no person: none written, one that is no address, or details that are no object. */
export type Unusable = 'noAddress' | 'badAddress' | 'badContact';

/** Why a booking gives no payment although it is not known to be unpaid. */
export type Refused = 'noAmount' | 'unknownStatus';

/** A row, as the table's columns take it, and what is true of it. */
export interface Booking {
  readonly id: string;
  /** JSON, or in a column of text what is no JSON; null: NULL. */
  readonly contact: string | null;
  readonly createdAt: string;
  readonly status: string | null;
  readonly amount: string | null;
  readonly paidAt: string | null;
  readonly method: string | null;
  readonly reference: string | null;
  readonly truth: Truth;
}

export interface Truth {
  /** The one form of the address; undefined where `unusable` says why there is none. */
  readonly email?: string;
  readonly unusable?: Unusable;
  /** What was paid, in minor units; undefined where nothing was, or it is refused. */
  readonly paid?: number;
  readonly refused?: Refused;
  /** Values that the contact has, by field, without their spelling. */
  readonly said: Readonly<Record<string, string>>;
}

const PAID = ['PAID', 'COMPLETED', 'ATTENDED'];
const UNPAID = ['PENDING', 'CANCELLED', 'CONFIRMED', 'EXPIRED', 'no show', 'No-Show', 'NO_SHOW'];
const METHODS = ['card', 'gcash', 'maya', 'bank_transfer'];
const NO_ADDRESSES = [
  'not an address',
  'ana@',
  '@mail.example',
  'a b@mail.example',
  'ana@localhost',
  'x@@mail.example',
];
const BROKEN = ['{"email": "ana@mail.example"', 'email: ana@mail.example', "{'email': 'ana@mail.example'}", '[1, 2]'];

const FIRST_DAY = Date.UTC(2023, 0, 1);
const STEP_MS = 60_000;

/** Rows by their number: the same seed and number give the same row, whatever else was made. */
export class BookingsGenerator {
  readonly config: Config;
  readonly #seed: Random;
  readonly #people: number;

  /** Throws ZodError on an option that is out of range. */
  constructor(options: BookingsOptions) {
    this.config = bookingsOptionsSchema.parse(options);
    this.#seed = new Random(this.config.seed);
    this.#people = this.config.people ?? Math.max(1, Math.floor(this.config.rows / 5));
  }

  get random(): Random {
    return this.#seed;
  }

  person(n: number): Person {
    return makePerson(this.#seed, n);
  }

  /** Someone who books: some people often, many once or never. */
  pickPerson(random: Random): Person {
    return this.person(Math.floor(this.#people * random.next() ** 1.5));
  }

  id(n: number): string {
    if (this.config.idType === 'int') return String(n);
    if (this.config.idType === 'text') return `bk_${n}`;
    // Random where an index orders by it; the number makes it unique.
    const hex = this.#seed.fork(`id/${n}`).text(16, '0123456789abcdef');
    const start = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-8000`;
    return `${start}-${n.toString(16).padStart(12, '0')}`;
  }

  /** Row number `n`, from 1. `by`: of this person, with usable contact details. */
  booking(n: number, by?: Person): Booking {
    const random = this.#seed.fork(`booking/${n}`);
    const { dirt } = this.config;
    const at = FIRST_DAY + n * STEP_MS + random.int(0, 50_000);
    const contact = this.contact(random, by);
    const money = makeMoney(random, dirt);
    return {
      id: this.id(n),
      contact: contact.text,
      createdAt: new Date(at).toISOString(),
      ...{ status: money.status, amount: money.amount },
      paidAt: random.chance(0.1 * dirt) ? null : new Date(at + random.int(60, 86_400) * 1_000).toISOString(),
      method: random.chance(0.1 * dirt) ? null : random.pick(METHODS),
      reference: random.chance(0.05 * dirt) ? null : `BK-${n}`,
      truth: { ...contact.truth, ...money.truth },
    };
  }

  /** Contact details in one of the forms that they have. */
  contact(
    random: Random,
    by?: Person,
  ): { readonly text: string | null; readonly truth: Omit<Truth, 'paid' | 'refused'> } {
    const { dirt } = this.config;
    if (by === undefined && random.chance(0.003 * dirt))
      return { text: this.#broken(random), truth: { unusable: 'badContact', said: {} } };
    if (by === undefined && random.chance(0.003 * dirt))
      return { text: random.pick([null, 'null', '""', '{}']), truth: { unusable: 'noAddress', said: {} } };
    const person = by ?? this.pickPerson(random);
    const { said, fields } = saidBy(person, random, dirt);
    if (by === undefined && random.chance(0.002 * dirt))
      return {
        text: this.#encode({ ...fields, email: random.pick(['', ' ', '\u200b']) }, random),
        truth: { unusable: 'noAddress', said },
      };
    if (by === undefined && random.chance(0.003 * dirt))
      return {
        text: this.#encode({ ...fields, email: random.pick(NO_ADDRESSES) }, random),
        truth: { unusable: 'badAddress', said },
      };
    const email = spellAddress(person, random, dirt);
    return { text: this.#encode({ email, ...fields }, random), truth: { email: person.email, said } };
  }

  /** An object, JSON in a text, or that encoded once more. */
  #encode(fields: object, random: Random): string {
    const draw = random.next();
    const once = JSON.stringify(fields);
    if (draw < 0.15 * this.config.dirt) return JSON.stringify(once);
    return draw < 0.2 * this.config.dirt ? JSON.stringify(JSON.stringify(once)) : once;
  }

  #broken(random: Random): string {
    const text = random.pick(BROKEN);
    return this.config.contactType === 'text' ? text : JSON.stringify(text);
  }
}

/** The other fields of a contact: now and then another name or phone than usual, or none. */
function saidBy(person: Person, random: Random, dirt: number) {
  const firstName = person.firstNames[random.chance(0.05 * dirt) ? 1 : 0];
  const phone = random.chance(0.2 * dirt) ? undefined : person.phones[random.chance(0.05 * dirt) ? 1 : 0];
  const said = {
    ...{ firstName, lastName: person.lastName },
    ...(phone === undefined ? {} : { phone }),
    ...(person.company === null ? {} : { company: person.company }),
  };
  const spelledName = random.chance(0.1 * dirt) ? firstName.normalize('NFD') : firstName;
  const fields = {
    ...said,
    firstName: random.chance(0.03 * dirt) ? ` ${spelledName} ` : spelledName,
    ...(phone === undefined
      ? { phone: random.pick([null, '']) }
      : random.chance(0.05 * dirt)
        ? { phone: Number(phone) }
        : {}),
  };
  return { said, fields };
}

function makeMoney(random: Random, dirt: number) {
  const cents = random.chance(0.02 * dirt) ? 0 : random.int(100, 500_000);
  const isMissing = random.chance(0.004 * dirt);
  const amount = isMissing ? null : `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
  if (random.chance(0.003 * dirt))
    return { status: random.pick([null, '', 'SETTLED', 'ok']), amount, truth: { refused: 'unknownStatus' as const } };
  if (random.chance(0.25)) return { status: spellWord(random.pick(UNPAID), random, dirt), amount, truth: {} };
  const truth = isMissing ? { refused: 'noAmount' as const } : { paid: cents };
  return { status: spellWord(random.pick(PAID), random, dirt), amount, truth };
}

function spellWord(word: string, random: Random, dirt: number): string {
  const draw = random.next() / dirt;
  if (draw < 0.2) return word.toLowerCase();
  if (draw < 0.4) return `${word.charAt(0).toUpperCase()}${word.slice(1).toLowerCase()}`;
  return draw < 0.45 ? ` ${word} ` : word;
}
