/**
 * A bucket is one hash. All times are microseconds of Redis's clock.
 * - gate: GCRA's theoretical arrival time; the only thing that lets a request go, so the bound holds whatever else fails.
 * - tail, front: where the next bulk and the next interactive waiter stand in line. Only a forecast: it gives order
 *   among processes, and tells a caller at once that its wait would be too long.
 * - claim: until when bulk stands back for an interactive request that is already waiting.
 * - generation: goes up when the line is no longer true (limit changed, upstream said 429), so that sleepers queue anew.
 * - factor, factorAt: what 429s have left of the limit, and from when on that grows back.
 * - blocked: no request before this moment.
 * Numbers are written with %.0f because Lua's own conversion keeps 14 digits, and microseconds since 1970 have 16.
 */
export const bucketLua = `
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
