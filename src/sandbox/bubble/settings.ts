/** What may be changed while the sandbox runs. */
export type BubbleSettings = {
  /** Where offsets stop: a page that would pass it is empty. */
  wall: number;
  /** The share of things, by id, that privacy rules keep from the user token; the admin token sees all. */
  hiddenShare: number;
  /** How long every answer takes at least. */
  latencyMs: number;
};
