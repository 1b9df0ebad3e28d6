import { pgSchema } from 'drizzle-orm/pg-core';

/** The control tables. Target tables are in a schema named after the plan. */
export const drover = pgSchema('drover');
