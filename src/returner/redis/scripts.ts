// What the Redis server runs in one piece, so that nobody sees half of it and a record that comes again changes nothing.
// In all that write, ARGV[1] is how long records are kept, in milliseconds; 0: until they are cleaned.

const KEEP = `
local ttl = tonumber(ARGV[1])
local function keep(key)
  if ttl > 0 then redis.call('PEXPIRE', key, ttl) else redis.call('PERSIST', key) end
end
`

/** KEYS: jids, then of each its load and its end. ARGV: ttl, then of each its jid and its text. */
export const SAVE_LOADS = `${KEEP}
for i = 1, (#KEYS - 1) / 2 do
  local load, ended, jid = KEYS[2 * i], KEYS[2 * i + 1], ARGV[2 * i]
  redis.call('SET', load, ARGV[2 * i + 1])
  keep(load)
  keep(ended)
  redis.call('ZADD', KEYS[1], 0, jid)
end`

/** KEYS: jids, minions, then of each its hash and its newest. ARGV: ttl, then of each its jid, id and text. */
export const SAVE_RETURNS = `${KEEP}
local jobs, minions = {}, {}
for i = 1, (#KEYS - 2) / 2 do
  local ret, newest = KEYS[2 * i + 1], KEYS[2 * i + 2]
  local jid, id = ARGV[3 * i - 1], ARGV[3 * i]
  redis.call('HSET', ret, id, ARGV[3 * i + 1])
  local known = redis.call('GET', newest)
  if not known or known <= jid then
    if ttl > 0 then redis.call('SET', newest, jid, 'PX', ttl) else redis.call('SET', newest, jid) end
  end
  if not jobs[ret] then
    jobs[ret] = true
    keep(ret)
    redis.call('ZADD', KEYS[1], 0, jid)
  end
  if not minions[id] then
    minions[id] = true
    redis.call('SADD', KEYS[2], id)
  end
end`

/** KEYS: of each its load and its end. ARGV: ttl, which is the load's here, then of each its stamp. */
export const SAVE_ENDS = `
for i = 1, #KEYS / 2 do
  local left = redis.call('PTTL', KEYS[2 * i - 1])
  if left ~= -2 then
    redis.call('SET', KEYS[2 * i], ARGV[i + 1])
    if left > 0 then redis.call('PEXPIRE', KEYS[2 * i], left) end
  end
end`

/** KEYS: events, then each. ARGV: ttl, then of each its id, milliseconds and text. */
export const SAVE_EVENTS = `${KEEP}
for i = 1, #KEYS - 1 do
  redis.call('SET', KEYS[i + 1], ARGV[3 * i + 1])
  keep(KEYS[i + 1])
  redis.call('ZADD', KEYS[1], ARGV[3 * i], ARGV[3 * i - 1])
end`

/** KEYS: the hash of a job. Of each of its returns the id and the bytes. */
export const SIZES = `
local sizes = {}
for i, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  sizes[i] = {id, redis.call('HSTRLEN', KEYS[1], id)}
end
return sizes`

/** KEYS: the hash of a job. ARGV: how many bytes, then ids. So much of the beginning and of the end of each return. */
export const ENDS = `
local ends, length = {}, tonumber(ARGV[1])
for i = 2, #ARGV do
  local text = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  ends[i - 1] = {string.sub(text, 1, length), string.sub(text, -length)}
end
return ends`

/**
 * Takes out of jids, the KEYS, what has expired: looks at ARGV[1] from ARGV[2] on (`-`, or an exclusive `(jid`) that are older than the
 * jid ARGV[3]; where the next look begins, or empty: that was the end.
 */
export const SWEEP_JIDS = `
local jids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], '(' .. ARGV[3], 'LIMIT', 0, ARGV[1])
for _, jid in ipairs(jids) do
  if redis.call('EXISTS', 'load:' .. jid, 'ret:' .. jid) == 0 then redis.call('ZREM', KEYS[1], jid) end
end
if #jids < tonumber(ARGV[1]) then return '' end
return '(' .. jids[#jids]`

/**
 * The same of events, by rank: ARGV[1] from the rank ARGV[2] on that are older than ARGV[3] milliseconds. Events that stay move the
 * rank on.
 */
export const SWEEP_EVENTS = `
local from = tonumber(ARGV[2])
local old = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[3])
local last = math.min(from + ARGV[1], old) - 1
if last < from then return '' end
local stay = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], from, last)) do
  if redis.call('EXISTS', 'event:' .. id) == 0 then redis.call('ZREM', KEYS[1], id) else stay = stay + 1 end
end
if last == old - 1 then return '' end
return tostring(from + stay)`

/**
 * Removes jobs and events, the KEYS, that are older than the jid ARGV[2] and than ARGV[3] milliseconds, ARGV[1] of each at most; how
 * many it looked at, the larger of both, and how many of them were jobs that were still there.
 */
export const CLEAN = `
local jids = redis.call('ZRANGEBYLEX', KEYS[1], '-', '(' .. ARGV[2], 'LIMIT', 0, ARGV[1])
local jobs = 0
for _, jid in ipairs(jids) do
  if redis.call('UNLINK', 'load:' .. jid, 'ret:' .. jid, 'end:' .. jid) > 0 then jobs = jobs + 1 end
  redis.call('ZREM', KEYS[1], jid)
end
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[3], 'LIMIT', 0, ARGV[1])
for _, id in ipairs(ids) do
  redis.call('UNLINK', 'event:' .. id)
  redis.call('ZREM', KEYS[2], id)
end
return {math.max(#jids, #ids), jobs}`
