import type { Random } from '../core/random.ts';
import { CONTACTS, DIRT, makePerson, type Person, scaledCount } from './business.ts';

type ContactGroup = keyof typeof CONTACTS;

/** A contact of Systeme.io that is being generated. */
export interface ContactDraft {
  readonly id: number;
  readonly person: Person;
  readonly group: ContactGroup;
  readonly registeredMs: number;
  /** The address in the contact; may differ from the person's in case or blanks, or be malformed. */
  email: string;
  tags: string[];
  sourceUrl: string | null;
  unsubscribed: boolean;
  bounced: boolean;
  needsConfirmation: boolean;
  /** Whether the address cannot be read. */
  malformed: boolean;
  /** The earlier contact with the same address. */
  repeats?: ContactDraft;
  affiliate: boolean;
}

const HOUR = 3_600_000;
export const PERIOD_START_MS = Date.parse('2024-01-08T01:00:00Z');
export const PERIOD_END_MS = Date.parse('2025-06-20T01:00:00Z');
const PLAIN_TAGS = ['squeeze', 'webinar', 'FBInviteSent', 'newsletter', 'Enrolled P2P', ' quiz', 'TikTok lead'];
const SOURCES = [
  'https://papers.example.com/free-guide?utm_source=facebook&utm_medium=paid',
  'https://papers.example.com/free-guide?utm_source=TikTok',
  'https://papers.example.com/webinar?fbclid=abc',
  'https://papers.example.com/',
];

/** All contacts, in the order of their ids; the groups are shuffled. */
export function makeContacts(random: Random, share: number, dirt: number): ContactDraft[] {
  const groups = (Object.keys(CONTACTS) as ContactGroup[]).flatMap((group) =>
    Array.from({ length: scaledCount(CONTACTS[group], share) }, () => group),
  );
  const step = Math.floor((PERIOD_END_MS - PERIOD_START_MS) / (groups.length + 1));
  const drafts = random.shuffle(groups).map((group, at) => draftOf(random, group, at, PERIOD_START_MS + at * step));
  addContactDirt(random.fork('dirt'), drafts, share * dirt);
  return drafts;
}

function draftOf(random: Random, group: ContactGroup, at: number, registeredMs: number): ContactDraft {
  const person = makePerson(random, at + 1);
  const plain = random.chance(0.6) ? [random.pick(PLAIN_TAGS)] : [];
  const own = { both: ['Canva', 'PaidP2P'], p2pOnly: ['PaidP2P'], canvaOnly: ['Canva'], neither: [] }[group];
  return {
    id: 100_001 + at * 3,
    person,
    group,
    registeredMs: registeredMs - (registeredMs % 1000) + random.int(0, 3) * HOUR,
    email: person.email,
    tags: [...plain, ...own],
    sourceUrl: random.chance(0.7) ? random.pick(SOURCES) : null,
    unsubscribed: random.chance(0.03),
    bounced: random.chance(0.01),
    needsConfirmation: random.chance(0.05),
    malformed: false,
    affiliate: false,
  };
}

/** Adds dirt to contacts without a product, so that the counts by tag stay as they are; only affiliates may be buyers. */
function addContactDirt(random: Random, drafts: readonly ContactDraft[], density: number): void {
  const plain = random.shuffle(drafts.filter((draft) => draft.group === 'neither'));
  const buyers = random.shuffle(drafts.filter((draft) => draft.group === 'both' || draft.group === 'p2pOnly'));
  const takeRandom = (list: ContactDraft[], count: number) =>
    list.splice(0, Math.min(scaledCount(count, density), list.length / 4));
  for (const draft of takeRandom(plain, DIRT.contactsMalformed)) {
    draft.malformed = true;
    draft.email =
      random.pick([draft.person.first, `${draft.person.first}@`, 'not given']) + (random.chance(0.5) ? ' ' : '');
  }
  // The repeating contacts are chosen first, so that none of them is repeated by another.
  const repeating = takeRandom(plain, DIRT.contactsRepeated);
  const originals = [...plain];
  for (const draft of repeating) {
    const other = originals.find(
      (contact) => contact.id < draft.id && contact.repeats === undefined && contact !== draft,
    );
    if (other === undefined) continue;
    originals.splice(originals.indexOf(other), 1);
    plain.splice(plain.indexOf(other), plain.includes(other) ? 1 : 0);
    draft.repeats = other;
    draft.email = random.chance(0.5) ? other.email.toUpperCase() : ` ${other.email}`;
  }
  for (const draft of takeRandom(plain, DIRT.affiliatesWithoutProfile)) markAffiliate(draft);
  for (const draft of takeRandom(buyers, DIRT.affiliates)) markAffiliate(draft);
}

function markAffiliate(draft: ContactDraft): void {
  draft.affiliate = true;
  draft.tags.push('Affiliate');
}
