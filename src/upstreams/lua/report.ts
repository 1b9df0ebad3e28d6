import { redisClockLua } from './clock.ts';

/**
 * Tells the fleet how a request went.
 *
 * KEYS: the upstream's bucket (which also holds its breaker), the bucket a refusal counts against.
 * ARGV: outcome (ok, failed, throttled, unknown), microseconds for which nobody shall ask, '1' when it was the probe,
 * failures in a row that open the breaker, first and longest pause of the breaker in microseconds, what a 429 leaves of
 * the rate, the least it leaves, share of the limit that grows back in a microsecond.
 */
export const reportLua = (clock = redisClockLua): string => `${clock}
local function text(number) return string.format('%.0f', number) end
local outcome, pause, probe = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1'

if pause > 0 then
  local blocked = tonumber(redis.call('HGET', KEYS[2], 'blocked')) or 0
  if now + pause > blocked then
    redis.call('HSET', KEYS[2], 'blocked', text(now + pause), 'tail', '0', 'front', '0', 'claim', '0')
    redis.call('HINCRBY', KEYS[2], 'generation', 1)
  end
end

if outcome == 'throttled' then
  local v = redis.call('HMGET', KEYS[2], 'factor', 'factorAt', 'shrunkAt')
  -- Requests that were under way together are refused together; they are one piece of news.
  if now - (tonumber(v[3]) or 0) > 1000000 then
    local factor = math.min(1, (tonumber(v[1]) or 1) + math.max(0, now - (tonumber(v[2]) or now)) * tonumber(ARGV[9]))
    redis.call('HSET', KEYS[2], 'factor', string.format('%.10f', math.max(tonumber(ARGV[8]), factor * tonumber(ARGV[7]))),
      'factorAt', text(now + pause), 'shrunkAt', text(now))
  end
end

local v = redis.call('HMGET', KEYS[1], 'failures', 'openUntil', 'opens')
local failures, openUntil, opens = tonumber(v[1]) or 0, tonumber(v[2]) or 0, tonumber(v[3]) or 0
if outcome == 'unknown' then
  if probe then redis.call('HDEL', KEYS[1], 'probeUntil') end
elseif outcome ~= 'failed' then
  -- What was sent before the breaker opened says nothing about now; only the probe may close it.
  if probe then redis.call('HDEL', KEYS[1], 'failures', 'openUntil', 'probeUntil', 'opens')
  elseif openUntil == 0 then redis.call('HDEL', KEYS[1], 'failures') end
elseif probe or openUntil == 0 then
  failures = failures + 1
  redis.call('HSET', KEYS[1], 'failures', failures)
  if probe or failures >= tonumber(ARGV[4]) then
    local rest = math.min(tonumber(ARGV[5]) * 2 ^ opens, tonumber(ARGV[6]))
    redis.call('HSET', KEYS[1], 'openUntil', text(now + rest), 'opens', opens + 1)
    redis.call('HDEL', KEYS[1], 'probeUntil')
  end
end
return 1
`;
