export * from './cutover.ts';
export * from './drover.ts';
export * from './effects.ts';
export * from './fleet.ts';
export * from './inbox.ts';
export * from './runs.ts';
export * from './target.ts';
