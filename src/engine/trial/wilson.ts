export interface Interval {
  readonly low: number;
  readonly high: number;
}

const zScore = 1.959_963_984_540_054; // 95 % of a normal distribution lie within this many deviations

/**
 * Wilson's 95 % interval of a share: unlike the textbook's, it is right for small samples and for shares near 0 and 1
 * (0 of 100 rejected does not mean that none will be).
 */
export function wilsonInterval(hits: number, tried: number): Interval {
  if (tried === 0) return { low: 0, high: 1 };
  const share = hits / tried;
  const weight = 1 + zScore ** 2 / tried;
  const centre = (share + zScore ** 2 / (2 * tried)) / weight;
  const half = (zScore / weight) * Math.sqrt((share * (1 - share)) / tried + zScore ** 2 / (4 * tried ** 2));
  return { low: hits === 0 ? 0 : Math.max(0, centre - half), high: hits === tried ? 1 : Math.min(1, centre + half) };
}
