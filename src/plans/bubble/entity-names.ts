/** The entities of the plan, parents first; their files and tables are called the same. */
export const entityNames = ['users', 'client_profiles', 'coach_profiles', 'bookings', 'payments'] as const;

export type EntityName = (typeof entityNames)[number];
