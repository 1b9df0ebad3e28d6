/** Identities are kept per plan and target schema: the same source may be moved to two places. */
export const identityScope = (plan: string, targetSchema: string): string => `${plan}/${targetSchema}`;
