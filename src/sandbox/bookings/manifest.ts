import type { Booking, Refused, Unusable } from './generate.ts';

/** What is right, by construction of the rows; computed without the mover. Amounts are minor units. */
export interface BookingsManifest {
  readonly rows: number;
  readonly seed: number;
  /** People with a booking that names them by a usable address. */
  readonly users: number;
  /** Of these, the people whose bookings disagree in a name, phone or company. */
  readonly usersWithDiscardedValues: number;
  readonly payments: { readonly count: number; readonly sum: string; readonly withoutUser: number };
  readonly notPaid: number;
  /** Ids of bookings that name no person, and of those that give no payment although they may have been paid. */
  readonly unusable: Readonly<Record<Unusable, readonly string[]>>;
  readonly refused: Readonly<Record<Refused, readonly string[]>>;
}

/** What is right of one person. */
export interface PersonTotals {
  bookings: number;
  paid: bigint;
}

/** Counts rows as they are made. */
export class ManifestBuilder {
  readonly people = new Map<string, PersonTotals>();
  readonly #said = new Map<string, Map<string, Set<string>>>();
  readonly #unusable: Record<Unusable, string[]> = { noAddress: [], badAddress: [], badContact: [] };
  readonly #refused: Record<Refused, string[]> = { noAmount: [], unknownStatus: [] };
  #rows = 0;
  #payments = { count: 0, sum: 0n, withoutUser: 0 };
  #notPaid = 0;

  add({ id, truth }: Booking): void {
    this.#rows += 1;
    if (truth.unusable !== undefined) this.#unusable[truth.unusable].push(id);
    if (truth.refused !== undefined) this.#refused[truth.refused].push(id);
    else if (truth.paid === undefined) this.#notPaid += 1;
    else {
      this.#payments.count += 1;
      this.#payments.sum += BigInt(truth.paid);
      if (truth.email === undefined) this.#payments.withoutUser += 1;
    }
    if (truth.email !== undefined) this.#addPerson(truth.email, truth);
  }

  #addPerson(email: string, { paid, said }: Booking['truth']): void {
    const totals = this.people.get(email) ?? { bookings: 0, paid: 0n };
    totals.bookings += 1;
    totals.paid += BigInt(paid ?? 0);
    this.people.set(email, totals);
    const fields = this.#said.get(email) ?? new Map<string, Set<string>>();
    for (const [field, value] of Object.entries(said)) fields.set(field, (fields.get(field) ?? new Set()).add(value));
    this.#said.set(email, fields);
  }

  manifest(seed: number): BookingsManifest {
    const disagreeing = [...this.#said.values()].filter((fields) => [...fields.values()].some(({ size }) => size > 1));
    return {
      ...{ rows: this.#rows, seed, users: this.people.size, usersWithDiscardedValues: disagreeing.length },
      payments: { ...this.#payments, sum: String(this.#payments.sum) },
      notPaid: this.#notPaid,
      ...{ unusable: this.#unusable, refused: this.#refused },
    };
  }
}
