/** What a coach ticks who ticks everything: 250 areas. Bubble lists have no end of their own. */
export const EXPERTISE_ARCHIVE: readonly string[] = Array.from({ length: 250 }, (_, i) => `Area ${i + 1}, revised`);
