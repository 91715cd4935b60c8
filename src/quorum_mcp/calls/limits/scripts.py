"""The Lua scripts of the buckets in Redis. Each is one step, and the only clock is the server's.

A bucket is a hash: `r` and `t`, what is left of requests and tokens in 60,000ths (so that a millisecond adds
exactly the limit per minute: whole numbers only), `b`, milliseconds in which nothing may be taken, and `at`, the
millisecond of the last change. A server's clock that went back adds nothing and takes nothing. `q` is the line of the
processes that wait for it, as `process:milliseconds,`: the first has the next turn, and each is forgotten that does
not come back in its time.
"""

from quorum_mcp.store.shared_state import Script

UNITS = 60_000

_BUCKET = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function load(key, per_minute_r, per_minute_t)
  local kept = redis.call('HMGET', key, 'r', 't', 'b', 'at', 'q')
  local full_r, full_t = per_minute_r * 60000, per_minute_t * 60000
  local at = tonumber(kept[4]) or now
  local passed = math.max(now - at, 0)
  local line = {}
  for process, left in string.gmatch(kept[5] or '', '([^:]+):(%d+),') do
    if left - passed > 0 then line[#line + 1] = {process, left - passed} end
  end
  return {
    rate_r = per_minute_r, rate_t = per_minute_t, full_r = full_r, full_t = full_t, back = now < at,
    r = math.min((tonumber(kept[1]) or full_r) + passed * per_minute_r, full_r),
    t = math.min((tonumber(kept[2]) or full_t) + passed * per_minute_t, full_t),
    b = math.max((tonumber(kept[3]) or 0) - passed, 0),
    line = line,
  }
end

local function leave(bucket, process)
  for i, one in ipairs(bucket.line) do
    if one[1] == process then
      table.remove(bucket.line, i)
      return
    end
  end
end

local function wait(bucket, process, milliseconds)
  for _, one in ipairs(bucket.line) do
    if one[1] == process then
      one[2] = milliseconds
      return
    end
  end
  if #bucket.line < 100 then bucket.line[#bucket.line + 1] = {process, milliseconds} end
end

local function save(key, bucket)
  local r, t, b = bucket.r, bucket.t, bucket.b
  redis.call('HSET', key, 'r', r, 't', t, 'b', b, 'at', now)
  local line = ''
  for _, one in ipairs(bucket.line) do line = line .. one[1] .. ':' .. string.format('%d', one[2]) .. ',' end
  if line == '' then redis.call('HDEL', key, 'q') else redis.call('HSET', key, 'q', line) end
  local full = b
  if bucket.rate_r > 0 then full = math.max(full, (bucket.full_r - r) / bucket.rate_r) end
  if bucket.rate_t > 0 then full = math.max(full, (bucket.full_t - t) / bucket.rate_t) end
  redis.call('PEXPIRE', key, math.ceil(full) + 60000)  -- a full one need not be kept
end
"""

TAKE = Script.of(
    _BUCKET
    + """
-- ARGV: requests and tokens, the process and how many milliseconds it waits for them, then requests and tokens
-- per minute of each key (0: no limit). Returns whether they were taken, the time, then r, t, b and, where
-- another process has the next turn, the milliseconds of it, of each.
-- Who finds too little, or others before it, and waits stands in line: else many small requests would never let a
-- large one in, and a process that comes back at once would keep the turn from those that were told to wait.
local requests, tokens, me, patience = ARGV[1] * 60000, ARGV[2] * 60000, ARGV[3], tonumber(ARGV[4])
local taken, buckets = 1, {}
for i, key in ipairs(KEYS) do
  local one = load(key, tonumber(ARGV[3 + 2 * i]), tonumber(ARGV[4 + 2 * i]))
  buckets[i] = one
  one.missing = one.b
  if one.rate_r > 0 then
    one.missing = math.max(one.missing, (math.min(requests, one.full_r) - one.r) / one.rate_r)
  end
  if one.rate_t > 0 then
    one.missing = math.max(one.missing, (math.min(tokens, one.full_t) - one.t) / one.rate_t)
  end
  local first = one.line[1]
  one.held = first and first[1] ~= me and first[2] or 0
  if one.missing > 0 or one.held > 0 then taken = 0 end
end
local answer = {taken, now}
for i, key in ipairs(KEYS) do
  local one = buckets[i]
  local needs = math.max(one.missing, one.held)
  local waits = needs > 0 and needs <= patience
  if taken == 1 then
    if one.rate_r > 0 then one.r = one.r - requests end
    if one.rate_t > 0 then one.t = one.t - tokens end
    leave(one, me)
  elseif waits then
    wait(one, me, math.ceil(needs) + 250)
  end
  if taken == 1 or waits or one.back then save(key, one) end
  answer[4 * i - 1], answer[4 * i], answer[4 * i + 1], answer[4 * i + 2] = one.r, one.t, one.b, one.held
end
return answer
"""
)

LOOK = Script.of(
    _BUCKET
    + """
-- ARGV: requests and tokens per minute of each key. Returns r, t, b and 0 of each.
local answer = {}
for i, key in ipairs(KEYS) do
  local one = load(key, tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i]))
  answer[4 * i - 3], answer[4 * i - 2], answer[4 * i - 1], answer[4 * i] = one.r, one.t, one.b, 0
end
return answer
"""
)

NOTE = Script.of(
    _BUCKET
    + """
-- ARGV of each key: requests and tokens per minute; r and t to add; r and t that may be left at most (or '');
-- milliseconds to block; the process that waits for it no longer (or '').
for i, key in ipairs(KEYS) do
  local first = 8 * (i - 1)
  local one = load(key, tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2]))
  one.r = math.min(one.r + ARGV[first + 3], one.full_r, tonumber(ARGV[first + 5]) or one.full_r)
  one.t = math.min(one.t + ARGV[first + 4], one.full_t, tonumber(ARGV[first + 6]) or one.full_t)
  one.b = math.max(one.b, tonumber(ARGV[first + 7]))
  leave(one, ARGV[first + 8])
  save(key, one)
end
return 1
"""
)
