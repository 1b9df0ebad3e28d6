import { bucketLua } from './bucket.ts';
import { redisClockLua } from './clock.ts';

/**
 * Asks for the right to send one request now.
 *
 * KEYS: the upstream's bucket, the endpoint's bucket, the overrides, the index of names.
 * ARGV: upstream name, endpoint name, upstream's requests a second, endpoint's ('' for none), microseconds the caller can
 * still wait, '1' for interactive, the caller's place in line (0: none yet), the generation of that place, then the
 * settings: window and tolerance in microseconds, share of the limit that grows back in a microsecond, probe's lease.
 *
 * Answers [verdict, microseconds, place, generation, failures in a row, probe, buckets asked]; the verdict is
 * go (send it), wait (ask again after so long), later (more than the caller can wait), open (the breaker holds).
 */
export const acquireTokenLua = (clock = redisClockLua): string => `${clock}${bucketLua}
local interactive = ARGV[6] == '1'
local budget, place = tonumber(ARGV[5]), tonumber(ARGV[7])
local settings = { window = tonumber(ARGV[9]), tolerance = tonumber(ARGV[10]), regrowth = tonumber(ARGV[11]) }

local breaker = redis.call('HMGET', KEYS[1], 'failures', 'openUntil', 'probeUntil')
local failures, openUntil, probeUntil = tonumber(breaker[1]) or 0, tonumber(breaker[2]) or 0, tonumber(breaker[3]) or 0
if now < openUntil then return { 'open', openUntil - now, '0', '', failures, 0, 0 } end
if openUntil > 0 and now < probeUntil then
  return { 'open', math.min(probeUntil - now, 1000000), '0', '', failures, 0, 0 }
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

local function answer(verdict, wait, granted)
  for _, b in ipairs(buckets) do saveBucket(b, granted) end
  local probe = 0
  if granted and openUntil > 0 then
    redis.call('HSET', KEYS[1], 'probeUntil', text(now + tonumber(ARGV[12])))
    probe = 1
  end
  return { verdict, math.ceil(wait), text(place), generation, failures, probe, #buckets }
end

-- A place that is long overdue is given up: its holders would all ask again and again for the same few openings.
local lost = place == 0 or ARGV[8] ~= generation or now > place + math.max(4 * slowest, 100000)
if lost then
  local turn = now
  for _, b in ipairs(buckets) do
    turn = math.max(turn, b.blocked, b.front, interactive and 0 or b.tail)
  end
  place = turn
  if turn - now > budget then return answer('later', turn - now) end
  for _, b in ipairs(buckets) do
    local from = math.max(now, b.blocked)
    b.tail = math.max(b.tail, from) + b.interval
    if interactive then
      b.front = math.max(b.front, from) + b.interval
      b.claim = math.max(b.claim, turn + 30000)
    end
  end
end

if now < place then return answer('wait', place - now) end
if not interactive and now < claim then opens = math.max(opens, math.min(claim, now + slowest)) end
if now < opens then
  if interactive then
    for _, b in ipairs(buckets) do b.claim = math.max(b.claim, opens + 30000) end
  end
  if opens - now > budget then return answer('later', opens - now) end
  return answer('wait', opens - now)
end
for _, b in ipairs(buckets) do
  b.gate = math.max(b.gate, now) + b.interval
  if interactive and b.front <= now + b.interval + settings.tolerance then b.claim = 0 end
end
return answer('go', 0, true)
`;
