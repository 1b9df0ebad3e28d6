export class MissingPostgres extends Error {}
/** `native` holds bin, lib and share; throws MissingPostgres with the remedy where there is none for this system. */
export function findPostgres(root: string): { native: string; version: string };
