/** Microseconds by Redis's own clock: workers' clocks differ by minutes, and one of them must not buy tokens with that. */
export const redisClockLua = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
`;
