// Loaded before a worker of an experiment: its clock is wrong by CHAOS_SKEW_MS.
const skewMs = Number(process.env.CHAOS_SKEW_MS ?? 0);
const Real = Date;
globalThis.Date = class WrongDate extends Real {
  constructor(...args) {
    super(...(args.length === 0 ? [Real.now() + skewMs] : args));
  }
  static now() {
    return Real.now() + skewMs;
  }
};
