/**
 * Requests a token: the right to send one request now.
 *
 * KEYS: the upstream's bucket, the endpoint's bucket, the overrides, the index of names.
 * ARGV: upstream name, endpoint name, upstream's requests a second, endpoint's ('' for none), microseconds the caller can
 * still wait, '1' for interactive, the caller's queue position (0: none yet), the generation of that position, then the
 * settings: window and tolerance in microseconds, share of the limit that grows back in a microsecond, probe's lease.
 *
 * Returns [decision, microseconds, queue position, generation, failures in a row, probe, buckets consulted]. The decision
 * is `granted` (send it), `wait` (request again after so long), `rejected` (the wait exceeds the caller's budget) or
 * `circuitOpen`. Processes of two versions do not confuse each other's decisions: each runs its own script by its digest
 * and parses that script's reply, and no decision is stored in Redis.
 */
export const acquireTokenLua = (clock = redisClockLua): string => `${clock}${bucketLua}
local interactive = ARGV[6] == '1'
local budget, position = tonumber(ARGV[5]), tonumber(ARGV[7])
local settings = { window = tonumber(ARGV[9]), tolerance = tonumber(ARGV[10]), regrowth = tonumber(ARGV[11]) }

local breaker = redis.call('HMGET', KEYS[1], 'failures', 'openUntil', 'probeUntil')
local failures, openUntil, probeUntil = tonumber(breaker[1]) or 0, tonumber(breaker[2]) or 0, tonumber(breaker[3]) or 0
if now < openUntil then return { 'circuitOpen', openUntil - now, '0', '', failures, 0, 0 } end
if openUntil > 0 and now < probeUntil then
  return { 'circuitOpen', math.min(probeUntil - now, 1000000), '0', '', failures, 0, 0 }
end

local overrides = redis.call('HMGET', KEYS[3], ARGV[1], ARGV[2])
local buckets = { openBucket(KEYS[1], tonumber(ARGV[3]), overrides[1], settings) }
if ARGV[4] ~= '' or overrides[2] then
  buckets[2] = openBucket(KEYS[2], tonumber(ARGV[4]), overrides[2], settings)
end

local generation, slowest, opens, claim = '', 0, 0, 0
for i, b in ipairs(buckets) do
  if b.fresh then redis.call('SADD', KEYS[4], ARGV[i]) end
  generation = generation .. text(b.generation) .. '.'
  slowest = math.max(slowest, b.interval)
  opens = math.max(opens, b.gate - settings.tolerance, b.blocked)
  claim = math.max(claim, b.claim)
end

local function reply(decision, wait, granted)
  for _, b in ipairs(buckets) do saveBucket(b, granted) end
  local probe = 0
  if granted and openUntil > 0 then
    redis.call('HSET', KEYS[1], 'probeUntil', text(now + tonumber(ARGV[12])))
    probe = 1
  end
  return { decision, math.ceil(wait), text(position), generation, failures, probe, #buckets }
end

-- A position that is long overdue is dropped: its holders would all poll for the same few free slots.
local expired = position == 0 or ARGV[8] ~= generation or now > position + math.max(4 * slowest, 100000)
if expired then
  position = now
  for _, b in ipairs(buckets) do
    position = math.max(position, b.blocked, b.front, interactive and 0 or b.tail)
  end
  if position - now > budget then return reply('rejected', position - now) end
  for _, b in ipairs(buckets) do
    local from = math.max(now, b.blocked)
    b.tail = math.max(b.tail, from) + b.interval
    if interactive then
      b.front = math.max(b.front, from) + b.interval
      b.claim = math.max(b.claim, position + 30000)
    end
  end
end

if now < position then return reply('wait', position - now) end
if not interactive and now < claim then opens = math.max(opens, math.min(claim, now + slowest)) end
if now < opens then
  if interactive then
    for _, b in ipairs(buckets) do b.claim = math.max(b.claim, opens + 30000) end
  end
  if opens - now > budget then return reply('rejected', opens - now) end
  return reply('wait', opens - now)
end
for _, b in ipairs(buckets) do
  b.gate = math.max(b.gate, now) + b.interval
  if interactive and b.front <= now + b.interval + settings.tolerance then b.claim = 0 end
end
return reply('granted', 0, true)
`;

/**
 * A bucket is one hash. All times are microseconds of Redis's clock.
 * - gate: GCRA's theoretical arrival time. It alone grants requests, so the bound holds whatever else fails.
 * - tail, front: queue positions of the next bulk and the next interactive waiter. Only an estimate: it orders processes,
 *   and rejects a caller at once when its wait would be too long.
 * - claim: until when bulk requests yield to an interactive request that is already waiting.
 * - generation: incremented when the queue positions are no longer valid (limit changed, upstream answered 429), so that
 *   waiting callers queue again.
 * - factor, factorAt: the share of the limit left by 429s, and the time from which it grows back.
 * - blocked: no request before this moment.
 * Numbers are written with %.0f because Lua's own conversion keeps 14 digits, and microseconds since 1970 have 16.
 */
const bucketLua = `
local function text(number) return string.format('%.0f', number) end

local function openBucket(key, configured, override, settings)
  local v = redis.call('HMGET', key, 'gate', 'tail', 'front', 'claim', 'generation', 'factor', 'factorAt', 'blocked',
    'override', 'second', 'inSecond', 'beforeSecond', 'minute', 'inMinute', 'beforeMinute')
  local b = { key = key, configured = configured, override = override or '' }
  b.fresh = not v[1]
  b.changed = not b.fresh and (v[9] or '') ~= b.override
  b.factor, b.factorAt = tonumber(v[6]) or 1, tonumber(v[7]) or now
  if b.changed then b.factor = 1 end
  b.factor = math.min(1, b.factor + math.max(0, now - b.factorAt) * settings.regrowth)
  b.factorAt = math.max(now, b.factorAt)
  b.interval = settings.window / (math.max(tonumber(override) or configured or 0, 0.001) * b.factor)
  b.gate = tonumber(v[1]) or 0
  b.tail, b.front, b.claim = tonumber(v[2]) or 0, tonumber(v[3]) or 0, tonumber(v[4]) or 0
  b.generation, b.blocked = tonumber(v[5]) or now, tonumber(v[8]) or 0
  if b.fresh then b.gate = now + b.interval + settings.tolerance end
  if b.changed then
    b.generation = b.generation + 1
    b.gate = math.min(b.gate, now + b.interval + settings.tolerance)
  end
  if b.fresh or b.changed then b.tail, b.front, b.claim = b.gate - settings.tolerance, 0, 0 end
  b.used = { tonumber(v[10]), tonumber(v[11]), tonumber(v[12]), tonumber(v[13]), tonumber(v[14]), tonumber(v[15]) }
  return b
end

local function roll(used, at, period)
  local current = math.floor(now / period)
  if used[at] == current then used[at + 1] = used[at + 1] + 1 return end
  used[at + 2] = used[at] == current - 1 and used[at + 1] or 0
  used[at], used[at + 1] = current, 1
end

local function saveBucket(b, granted)
  if granted then
    roll(b.used, 1, 1000000)
    roll(b.used, 4, 60000000)
    redis.call('HSET', b.key, 'second', text(b.used[1]), 'inSecond', b.used[2], 'beforeSecond', b.used[3],
      'minute', text(b.used[4]), 'inMinute', b.used[5], 'beforeMinute', b.used[6])
  end
  redis.call('HSET', b.key, 'configured', tostring(b.configured or ''), 'override', b.override, 'gate', text(b.gate),
    'tail', text(b.tail), 'front', text(b.front), 'claim', text(b.claim), 'generation', text(b.generation),
    'factor', string.format('%.10f', b.factor), 'factorAt', text(b.factorAt))
end
`;

/**
 * Reports the outcome of a request to the fleet.
 *
 * KEYS: the upstream's bucket (which also holds its breaker), the bucket a refusal counts against.
 * ARGV: outcome (ok, failed, throttled, unknown), microseconds for which no request may be sent, '1' when it was the probe,
 * failures in a row that open the breaker, first and longest pause of the breaker in microseconds, the factor a 429
 * applies to the rate, the lowest factor, share of the limit that grows back in a microsecond.
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
  -- Requests that were in flight together are refused together; they count once.
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
  -- A request sent before the breaker opened is no evidence that the upstream recovered; only the probe may close it.
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

/** Microseconds by Redis's own clock: workers' clocks differ by minutes, which must not yield extra tokens. */
const redisClockLua = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
`;
