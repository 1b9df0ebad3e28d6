/** What may be changed while the sandbox runs; see the options of the same names. */
export type SupabaseSettings = {
  maxRows: number;
  latencyMs: number;
  touch: number;
};
